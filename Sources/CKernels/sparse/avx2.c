#if defined(__x86_64__)
// Blocks. As in the dense product both sides are widened to 16 bits; vpmaddwd leaves two sums for each
// column, added at the end. 16 columns are 4 vectors; a panel of 32 is done in two halves.
#include <immintrin.h>

#include "sparse.h"

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 static inline __attribute__((always_inline))

enum { ROWS = 2, VECTORS = 4, COLUMNS = 16, BLOCK = COLUMNS * QK_SPARSE_DEPTH };

/// 4 bytes of a row, `depth` of them read, as 16-bit numbers, four times.
AVX2_INLINE __m256i broadcast_four(const uint8_t *a, size_t depth) {
  int32_t four = 0;
  memcpy(&four, a, depth);
  return _mm256_cvtepu8_epi16(_mm_set1_epi32(four));
}

AVX2_INLINE void step(const qk_sparse_tile *tile, int rows, size_t first, size_t index, size_t depth,
                      __m256i sums[][VECTORS]) {
  const uint8_t *a = tile->a + (size_t)tile->positions[index] * QK_SPARSE_DEPTH;
  const uint8_t *block = tile->steps + (index * tile->width + first) * QK_SPARSE_DEPTH;
  __m256i four[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) four[r] = broadcast_four(a + (size_t)r * tile->a_stride, depth);
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)block + v));
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(four[r], w));
  }
}

/// The bias plus the two sums of each column, in order.
AVX2_INLINE void store(const qk_sparse_tile *tile, size_t row, size_t first, const __m256i sums[VECTORS]) {
  if (tile->columns <= first) return;
  const __m256i order = _mm256_setr_epi32(0, 1, 4, 5, 2, 3, 6, 7);
  int32_t acc[COLUMNS];
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v += 2) {
    __m256i pairs = _mm256_permutevar8x32_epi32(_mm256_hadd_epi32(sums[v], sums[v + 1]), order);
    __m256i bias = _mm256_loadu_si256((const __m256i *)(const void *)(tile->bias + first + v * 4));
    _mm256_storeu_si256((__m256i *)(void *)(acc + v * 4), _mm256_add_epi32(bias, pairs));
  }
  size_t left = tile->columns - first;
  void *y = qk_output_at(tile->output, tile->y, row * tile->y_stride + first);
  qk_store(tile->output, acc, tile->multiplier + first, left < COLUMNS ? left : COLUMNS, y);
}

AVX2_INLINE void multiply(const qk_sparse_tile *tile, int rows, size_t first) {
  __m256i sums[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm256_setzero_si256();
  for (size_t s = 0; s < tile->step_count; s++) step(tile, rows, first, s, QK_SPARSE_DEPTH, sums);
  if (tile->tail_count > 0) step(tile, rows, first, tile->step_count, tile->tail, sums);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) store(tile, (size_t)r, first, sums[r]);
}

AVX2 void qk_sparse_blocks_ukernel_2__avx2(const qk_sparse_tile *tile) {
  for (size_t first = 0; first < tile->width; first += COLUMNS) {
    if (tile->row_count == 1)
      multiply(tile, 1, first);
    else
      multiply(tile, 2, first);
  }
}
#endif
