#pragma once
// The output stage of a tile whose panels are 4 or 8 columns wide.
#include "../cpu/neon.h"
#include "gemm.h"

enum { QK_GEMM_LANES_NEON = 4, QK_GEMM_VECTORS_NEON = 2 };

/// What the output stage takes from the tile, in registers.
typedef struct qk_gemm_stage_neon {
  qk_saturation_neon saturation;
  float32x4_t multiplier[QK_GEMM_VECTORS_NEON];
} qk_gemm_stage_neon;

QK_NEON_INLINE qk_gemm_stage_neon qk_gemm_stage_neon_of(const qk_gemm_tile *tile, int vectors) {
  qk_gemm_stage_neon stage = {.saturation = qk_saturation_neon_of_output(tile->output)};
  for (int v = 0; v < vectors; v++)
    stage.multiplier[v] = vld1q_f32(tile->multiplier + v * QK_GEMM_LANES_NEON);
  return stage;
}

/// Writes one row of the tile.
QK_NEON_INLINE void qk_gemm_store_neon(const qk_gemm_tile *tile, const qk_gemm_stage_neon *stage, int row,
                                       int vectors, const int32x4_t sums[QK_GEMM_VECTORS_NEON]) {
  size_t first = (size_t)row * tile->y_stride;
  int32x4_t words[QK_GEMM_VECTORS_NEON];
  if (qk_output_is_bytes(tile->output)) {
    for (int v = 0; v < vectors; v++)
      words[v] = qk_requantize_neon(sums[v], stage->multiplier[v], &stage->saturation);
    uint8x16_t bytes = qk_low_bytes_neon(words[0], words[vectors - 1], words[0], words[0]);
    qk_store_word(vgetq_lane_u64(vreinterpretq_u64_u8(bytes), 0), tile->columns, (uint8_t *)tile->y + first);
    return;
  }
  for (int v = 0; v < vectors; v++) {
    size_t column = (size_t)v * QK_GEMM_LANES_NEON;
    if (tile->columns <= column) break;
    words[v] = qk_output_words_neon(tile->output, sums[v], stage->multiplier[v]);
    qk_store_words_neon(words[v], tile->columns - column, (int32_t *)tile->y + first + column);
  }
}
