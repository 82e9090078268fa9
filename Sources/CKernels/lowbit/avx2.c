#if defined(__x86_64__)
// s8 rows. vpmaddubsw multiplies codes of at most 4 bits with bytes of a row: pairs stay below 2 * 15 * 128,
// so that 16-bit sums hold 8 of them, 32 of k. Codes of 8 bits go as two of 4.
#include "avx2.h"

enum { ROWS = 4, VECTORS = QK_LOWBIT_VECTORS_AVX2 };

QK_LOWBIT_AVX2_INLINE __m256i broadcast_four(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm256_set1_epi32(four);
}

/// 32-bit sums of the pairs in 16-bit ones.
QK_LOWBIT_AVX2_INLINE __m256i widen(__m256i sums) { return _mm256_madd_epi16(sums, _mm256_set1_epi16(1)); }

/// The codes, or the 4-bit half `part` of 8-bit ones, of a chunk's 8 columns.
QK_LOWBIT_AVX2_INLINE __m256i codes_of(__m256i chunk, int bits, int part) {
  const int width = bits < 4 ? bits : 4;
  __m256i shifted = part ? _mm256_srli_epi16(chunk, width * part) : chunk;
  return _mm256_and_si256(shifted, _mm256_set1_epi8((char)((1 << width) - 1)));
}

/// Up to 32 of k of 8 columns, in `count` chunks. Sums [1] are those of the upper halves of 8-bit codes.
QK_LOWBIT_AVX2_INLINE void multiply(int rows, int bits, size_t count, const uint8_t *codes, const int8_t *x,
                                    __m256i sums[]) {
  const int parts = bits < 4 ? 4 : 2;
  __m256i narrow[2][ROWS];
  for (int r = 0; r < rows; r++) narrow[0][r] = narrow[1][r] = _mm256_setzero_si256();
  for (size_t c = 0; c < count; c++, codes += 2 * QK_LOWBIT_CHUNK, x += rows * (32 / bits)) {
    __m256i chunk = _mm256_loadu_si256((const __m256i *)(const void *)codes);
#pragma clang loop unroll(full)
    for (int part = 0; part < parts; part++) {
      __m256i w = codes_of(chunk, bits, part);
      const int8_t *fours = bits == 8 ? x : x + part * rows * 4;
      __m256i *to = narrow[bits == 8 ? part : 0];
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++)
        to[r] = _mm256_add_epi16(to[r], _mm256_maddubs_epi16(w, broadcast_four(fours + 4 * r)));
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    sums[r] = _mm256_add_epi32(sums[r], widen(narrow[0][r]));
    if (bits == 8) sums[r] = _mm256_add_epi32(sums[r], _mm256_slli_epi32(widen(narrow[1][r]), 4));
  }
}

/// acc += one group of 8 columns.
QK_LOWBIT_AVX2_INLINE void add_group(const qk_lowbit_tile *tile, int rows, int bits, size_t group, int vector,
                                     const int8_t *x, __m256 acc[][VECTORS]) {
  const qk_lowbit_layout *layout = tile->layout;
  const char *block = qk_lowbit_block(tile, group);
  const uint8_t *codes = qk_lowbit_codes(layout, block) + vector * 32;
  __m256i sums[ROWS], zero_points = qk_lowbit_zero_points_avx2(tile, group, vector);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    sums[r] = _mm256_set1_epi32(tile->corrections[group * (size_t)rows + (size_t)r]);
    if (layout->zero_points_differ) sums[r] = _mm256_mullo_epi32(sums[r], zero_points);
  }
  size_t chunks = qk_lowbit_chunks(layout), most = (size_t)bits;
  for (size_t c = 0; c < chunks; c += most) {
    size_t count = chunks - c < most ? chunks - c : most;
    multiply(rows, bits, count, codes + c * 2 * QK_LOWBIT_CHUNK, x + c * (size_t)(rows * (32 / bits)), sums);
  }
  __m256 scales = qk_lowbit_scales_avx2(layout, block, vector);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m256 scale = scales;
    if (tile->grouped)
      scale = _mm256_mul_ps(scales, _mm256_set1_ps(tile->scales[group * (size_t)rows + (size_t)r]));
    acc[r][vector] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[r]), scale, acc[r][vector]);
  }
}

QK_LOWBIT_AVX2_INLINE __m256 finish(const qk_lowbit_tile *tile, size_t row, int vector, __m256 acc) {
  __m256 bias = _mm256_loadu_ps(qk_lowbit_bias(tile) + vector * 8);
  if (tile->grouped) return _mm256_add_ps(acc, bias);
  __m256 zero_point = _mm256_set1_ps(tile->zero_points ? -(float)tile->zero_points[row] : -0.0f);
  __m256 y = _mm256_fmadd_ps(zero_point, _mm256_loadu_ps(qk_lowbit_sums(tile) + vector * 8), acc);
  return _mm256_fmadd_ps(y, _mm256_set1_ps(tile->scales[row]), bias);
}

QK_LOWBIT_AVX2_INLINE void run(const qk_lowbit_tile *tile, int rows, int bits) {
  __m256 acc[ROWS][VECTORS];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < VECTORS; v++) acc[r][v] = _mm256_setzero_ps();
  const int8_t *x = tile->x;
  for (size_t group = 0; group < tile->layout->groups; group++, x += tile->layout->group * (size_t)rows)
    for (int v = 0; v < VECTORS; v++) add_group(tile, rows, bits, group, v, x, acc);
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < VECTORS; v++)
      qk_lowbit_store_avx2(tile, (size_t)r, v, finish(tile, (size_t)r, v, acc[r][v]));
}

// One function for each number of rows and of bits, so that the sums stay in registers.
#define EVERY_ROWS(X) X(1) X(2) X(3) X(4)
#define EVERY_BITS(rows)                                                                            \
  QK_LOWBIT_AVX2 static void rows_##rows##_of_2(const qk_lowbit_tile *tile) { run(tile, rows, 2); } \
  QK_LOWBIT_AVX2 static void rows_##rows##_of_4(const qk_lowbit_tile *tile) { run(tile, rows, 4); } \
  QK_LOWBIT_AVX2 static void rows_##rows##_of_8(const qk_lowbit_tile *tile) { run(tile, rows, 8); }
EVERY_ROWS(EVERY_BITS)

void qk_lowbit_s8_ukernel_4x32__avx2(const qk_lowbit_tile *tile) {
#define NAMES(rows) {rows_##rows##_of_2, rows_##rows##_of_4, rows_##rows##_of_8},
  static void (*const by_rows[ROWS][3])(const qk_lowbit_tile *) = {EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->layout->bits / 4](tile);
}
#endif
