#if defined(__x86_64__)
// Quads by vpdpbusd on 256 bits, for processors that have it without AVX-512.
#include <string.h>

#include "../cpu/avx2.h"
#include "quads_tiles.h"

#define AVXVNNI __attribute__((target("avx2,avxvnni")))
#define AVXVNNI_INLINE AVXVNNI static inline __attribute__((always_inline))

enum { ROWS = 2, UNITS = QK_QUADS_UNITS, VECTORS = 2, LANES = 8, BLOCK = QK_QUAD_LANES };

#define UNROLL _Pragma("clang loop unroll(full)")

AVXVNNI void qk_interleave_quads__avxvnni(const uint8_t *const rows[QK_QUAD], size_t runs, size_t run_bytes,
                                          size_t run_step, uint32_t *quads) {
  for (size_t run = 0; run < runs; run++, quads += run_bytes) {
    size_t i = 0;
    for (; i + BLOCK <= run_bytes; i += BLOCK) {
      __m128i row[QK_QUAD];
      for (int r = 0; r < QK_QUAD; r++)
        row[r] = _mm_loadu_si128((const __m128i *)(rows[r] + run * run_step + i));
      __m128i ab_low = _mm_unpacklo_epi8(row[0], row[1]), ab_high = _mm_unpackhi_epi8(row[0], row[1]);
      __m128i cd_low = _mm_unpacklo_epi8(row[2], row[3]), cd_high = _mm_unpackhi_epi8(row[2], row[3]);
      __m128i *to = (__m128i *)(quads + i);
      _mm_storeu_si128(to, _mm_unpacklo_epi16(ab_low, cd_low));
      _mm_storeu_si128(to + 1, _mm_unpackhi_epi16(ab_low, cd_low));
      _mm_storeu_si128(to + 2, _mm_unpacklo_epi16(ab_high, cd_high));
      _mm_storeu_si128(to + 3, _mm_unpackhi_epi16(ab_high, cd_high));
    }
    for (; i < run_bytes; i++)
      for (int r = 0; r < QK_QUAD; r++) ((uint8_t *)(quads + i))[r] = rows[r][run * run_step + i];
  }
}

AVXVNNI_INLINE void store_words(const qk_quads_tile *tile, int row, int unit, const __m256i sums[VECTORS]) {
  int32_t *y = (int32_t *)tile->y[unit] + (size_t)row * tile->strip->y_row_step;
  for (size_t v = 0; v < VECTORS && v * LANES < tile->lanes[unit]; v++) {
    __m256 multiplier = _mm256_loadu_ps(qk_quads_multiplier(tile) + v * LANES);
    qk_store_words_avx2(qk_output_words_avx2(tile->strip->output, sums[v], multiplier),
                        tile->lanes[unit] - v * LANES, y + v * LANES);
  }
}

/// One row of both units.
AVXVNNI_INLINE void store_bytes(const qk_quads_tile *tile, int row, __m256i sums[UNITS][VECTORS],
                                const qk_bytes_avx2 *to_bytes) {
  const __m256 low = _mm256_loadu_ps(qk_quads_multiplier(tile));
  const __m256 high = _mm256_loadu_ps(qk_quads_multiplier(tile) + LANES);
  const __m256i acc[4] = {sums[0][0], sums[0][1], sums[1][0], sums[1][1]};
  const __m256 multiplier[4] = {low, high, low, high};
  const __m256i bytes = qk_requantize_avx2(acc, multiplier, to_bytes);
  const __m128i halves[UNITS] = {_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
  UNROLL for (int i = 0; i < UNITS; i++) {
    uint8_t *y = (uint8_t *)tile->y[i] + (size_t)row * tile->strip->y_row_step;
    if (tile->lanes[i] == BLOCK)
      _mm_storeu_si128((__m128i *)y, halves[i]);
    else
      memcpy(y, &halves[i], tile->lanes[i]);
  }
}

AVXVNNI_INLINE void convolve(const qk_quads_tile *tile, const int rows, const bool shares, const bool is_3x3,
                             const qk_bytes_avx2 *to_bytes) {
  const qk_quads_strip *s = tile->strip;
  __m256i sums[ROWS][UNITS][VECTORS];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < UNITS; i++)
      UNROLL for (int v = 0; v < VECTORS; v++) sums[r][i][v] =
          _mm256_loadu_si256((const __m256i *)(qk_quads_bias(tile) + v * LANES));
  const size_t kernel_w = is_3x3 ? 3 : s->kernel_w, row_groups = is_3x3 ? 1 : s->row_groups;
  const int8_t *weights = qk_quads_weights(tile);
  for (size_t column = 0; column < kernel_w; column++)
    for (size_t g = 0; g < row_groups; g++, weights += s->packed_rows * BLOCK * QK_QUAD) {
      const size_t offset = column * s->column_step + g * s->row_group_step;
      UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < VECTORS; v++) {
        const int8_t *w = weights + ((shares ? r * BLOCK : 0) + v * LANES) * QK_QUAD;
        const size_t at = offset + (shares ? 0 : (size_t)r * s->row_step) + (size_t)v * LANES;
        UNROLL for (int i = 0; i < UNITS; i++) sums[r][i][v] =
            _mm256_dpbusd_avx_epi32(sums[r][i][v], _mm256_loadu_si256((const __m256i *)(tile->quads[i] + at)),
                                    _mm256_loadu_si256((const __m256i *)w));
      }
    }
  if (qk_output_is_bytes(s->output)) {
    UNROLL for (int r = 0; r < rows; r++) store_bytes(tile, r, sums[r], to_bytes);
    return;
  }
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int i = 0; i < UNITS; i++)
      store_words(tile, r, i, sums[r][i]);
}

#define QUADS_TARGET AVXVNNI
#define QUADS_UKERNEL qk_depthwise_u8s8_ukernel_16q__avxvnni
#define QUADS_TO_BYTES qk_bytes_avx2
#define QUADS_TO_BYTES_OF qk_bytes_avx2_of
#include "quads_ukernel.inc"
#endif
