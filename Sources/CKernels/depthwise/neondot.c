#if defined(__aarch64__)
// Quads by sdot, 4 channels in a vector. It takes s8 only, so that rows are turned into it while they are
// interleaved.
#include "../cpu/neon.h"
#include "quads_tiles.h"

#define DOTPROD __attribute__((target("dotprod")))
#define DOTPROD_INLINE DOTPROD static inline __attribute__((always_inline))

enum { ROWS = 2, UNITS = QK_QUADS_UNITS, VECTORS = 4, LANES = 4, BLOCK = QK_QUAD_LANES };

#define UNROLL _Pragma("clang loop unroll(full)")

void qk_interleave_quads__neondot(const uint8_t *const rows[QK_QUAD], size_t runs, size_t run_bytes,
                                  size_t run_step, uint32_t *quads) {
  const uint8x16_t flip = vdupq_n_u8(0x80);
  for (size_t run = 0; run < runs; run++, quads += run_bytes) {
    size_t i = 0;
    for (; i + BLOCK <= run_bytes; i += BLOCK) {
      uint8x16x4_t row;
      for (int r = 0; r < QK_QUAD; r++) row.val[r] = veorq_u8(vld1q_u8(rows[r] + run * run_step + i), flip);
      vst4q_u8((uint8_t *)(quads + i), row);  // a byte of each in turn
    }
    for (; i < run_bytes; i++)
      for (int r = 0; r < QK_QUAD; r++) ((uint8_t *)(quads + i))[r] = rows[r][run * run_step + i] ^ 0x80;
  }
}

DOTPROD_INLINE void store(const qk_quads_tile *tile, int row, int unit, const int32x4_t sums[VECTORS],
                          const qk_saturation_neon *to_bytes) {
  const qk_output *output = tile->strip->output;
  const size_t lanes = tile->lanes[unit];
  void *y = qk_output_at(output, tile->y[unit], (size_t)row * tile->strip->y_row_step);
  float32x4_t multiplier[VECTORS];
  for (int v = 0; v < VECTORS; v++) multiplier[v] = vld1q_f32(qk_quads_multiplier(tile) + v * LANES);
  if (qk_output_is_bytes(output)) {
    float32x4_t products[VECTORS];
    for (int v = 0; v < VECTORS; v++) products[v] = vmulq_f32(vcvtq_f32_s32(sums[v]), multiplier[v]);
    qk_store_bytes_neon(qk_saturate_bytes_neon(products, to_bytes), lanes, y);
    return;
  }
  for (size_t v = 0; v < VECTORS && v * LANES < lanes; v++)
    qk_store_words_neon(qk_output_words_neon(output, sums[v], multiplier[v]), lanes - v * LANES,
                        (int32_t *)y + v * LANES);
}

DOTPROD_INLINE void convolve(const qk_quads_tile *tile, const int rows, const bool shares, const bool is_3x3,
                             const qk_saturation_neon *to_bytes) {
  const qk_quads_strip *s = tile->strip;
  int32x4_t sums[ROWS][UNITS][VECTORS];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < UNITS; i++)
      UNROLL for (int v = 0; v < VECTORS; v++) sums[r][i][v] = vld1q_s32(qk_quads_bias(tile) + v * LANES);
  const size_t kernel_w = is_3x3 ? 3 : s->kernel_w, row_groups = is_3x3 ? 1 : s->row_groups;
  const int8_t *weights = qk_quads_weights(tile);
  for (size_t column = 0; column < kernel_w; column++)
    for (size_t g = 0; g < row_groups; g++, weights += s->packed_rows * BLOCK * QK_QUAD) {
      const size_t offset = column * s->column_step + g * s->row_group_step;
      UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < VECTORS; v++) {
        const int8x16_t w = vld1q_s8(weights + ((shares ? r * BLOCK : 0) + v * LANES) * QK_QUAD);
        const size_t at = offset + (shares ? 0 : (size_t)r * s->row_step) + (size_t)v * LANES;
        UNROLL for (int i = 0; i < UNITS; i++) sums[r][i][v] =
            vdotq_s32(sums[r][i][v], vreinterpretq_s8_u32(vld1q_u32(tile->quads[i] + at)), w);
      }
    }
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < UNITS; i++) if (tile->lanes[i] > 0)
      store(tile, r, i, sums[r][i], to_bytes);
}

#define QUADS_TARGET DOTPROD
#define QUADS_UKERNEL qk_depthwise_u8s8_ukernel_16q__neondot
#define QUADS_TO_BYTES qk_saturation_neon
#define QUADS_TO_BYTES_OF qk_saturation_neon_of_output
#include "quads_ukernel.inc"
#endif
