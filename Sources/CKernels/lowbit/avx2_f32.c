#if defined(__x86_64__)
// f32 rows: codes are shifted, masked and converted, then multiplied with up to 2 rows.
#include "avx2.h"

enum { ROWS = 2, VECTORS = QK_LOWBIT_VECTORS_AVX2 };

/// One pair of chunks: k in the order of the contract.
QK_LOWBIT_AVX2_INLINE void multiply(int rows, int bits, const __m256i zero_points[VECTORS],
                                    const uint8_t *codes, const float *x, __m256 t[][VECTORS]) {
  __m256i chunk[VECTORS], mask = _mm256_set1_epi32((1 << bits) - 1);
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) chunk[v] = _mm256_loadu_si256((const __m256i *)(const void *)codes + v);
#pragma clang loop unroll(full)
  for (int k = 0; k < 32 / bits; k++) {
    const int shift = k % 4 * 8 + k / 4 * bits;
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      __m256i code = _mm256_and_si256(_mm256_srli_epi32(chunk[v], shift), mask);
      __m256 w = _mm256_cvtepi32_ps(_mm256_sub_epi32(code, zero_points[v]));
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++)
        t[r][v] = _mm256_fmadd_ps(_mm256_broadcast_ss(x + k * rows + r), w, t[r][v]);
    }
  }
}

QK_LOWBIT_AVX2_INLINE void run(const qk_lowbit_tile *tile, int rows, int bits) {
  const qk_lowbit_layout *layout = tile->layout;
  const size_t chunks = qk_lowbit_chunks(layout);
  const float *x = tile->x;
  __m256 acc[ROWS][VECTORS], t[ROWS][VECTORS];
  __m256i zero_points[VECTORS];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < VECTORS; v++) acc[r][v] = _mm256_setzero_ps();
  for (size_t group = 0; group < layout->groups; group++) {
    const char *block = qk_lowbit_block(tile, group);
    const uint8_t *codes = qk_lowbit_codes(layout, block);
    for (int v = 0; v < VECTORS; v++) zero_points[v] = qk_lowbit_zero_points_avx2(tile, group, v);
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < VECTORS; v++) t[r][v] = _mm256_setzero_ps();
    for (size_t c = 0; c < chunks; c++, codes += 2 * QK_LOWBIT_CHUNK, x += rows * (32 / bits))
      multiply(rows, bits, zero_points, codes, x, t);
    for (int v = 0; v < VECTORS; v++) {
      __m256 scales = qk_lowbit_scales_avx2(layout, block, v);
      for (int r = 0; r < rows; r++) acc[r][v] = _mm256_fmadd_ps(t[r][v], scales, acc[r][v]);
    }
  }
  for (int v = 0; v < VECTORS; v++) {
    __m256 bias = _mm256_loadu_ps(qk_lowbit_bias(tile) + v * QK_LOWBIT_LANES_AVX2);
    for (int r = 0; r < rows; r++) qk_lowbit_store_avx2(tile, (size_t)r, v, _mm256_add_ps(acc[r][v], bias));
  }
}

#define OF_BITS(bits)                                                                             \
  QK_LOWBIT_AVX2 static void rows_1_of_##bits(const qk_lowbit_tile *tile) { run(tile, 1, bits); } \
  QK_LOWBIT_AVX2 static void rows_2_of_##bits(const qk_lowbit_tile *tile) { run(tile, 2, bits); }
OF_BITS(2)
OF_BITS(4)
OF_BITS(8)

void qk_lowbit_f32_ukernel_2x32__avx2(const qk_lowbit_tile *tile) {
  static void (*const by_rows[ROWS][3])(const qk_lowbit_tile *) = {{rows_1_of_2, rows_1_of_4, rows_1_of_8},
                                                                   {rows_2_of_2, rows_2_of_4, rows_2_of_8}};
  by_rows[tile->row_count - 1][tile->layout->bits / 4](tile);
}
#endif
