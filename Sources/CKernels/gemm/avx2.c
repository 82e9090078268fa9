#if defined(__x86_64__)
// vpmaddubsw would saturate at 16 bits, so both sides are widened to 16 bits and vpmaddwd adds exact pairs.
// Sums live in registers: 4 rows by 2 vectors of 8 columns.
#include "avx2_store.h"

enum { ROWS = 4, VECTORS = QK_GEMM_VECTORS_AVX2, LANES = QK_GEMM_LANES_AVX2, DEPTH = 2 };

/// The next `count` bytes of a row, 1 or 2, each xor `flip`, as a pair of 16-bit numbers in every lane.
QK_AVX2_INLINE __m256i broadcast_pair(const uint8_t *a, size_t count, __m128i flip) {
  uint16_t pair = a[0];
  if (count == DEPTH) memcpy(&pair, a, sizeof pair);
  return _mm256_cvtepu8_epi16(_mm_xor_si128(_mm_set1_epi16((short)pair), flip));
}

QK_AVX2_INLINE void step(int rows, int vectors, __m256i sums[][VECTORS], const uint8_t *const *row_pointers,
                         ptrdiff_t offset, size_t bytes, __m128i flip, const int8_t *w) {
  __m256i weights[VECTORS];
  for (int v = 0; v < vectors; v++)
    weights[v] = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(w + v * LANES * DEPTH)));
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m256i a = broadcast_pair(row_pointers[r] + offset, bytes, flip);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      sums[r][v] = _mm256_add_epi32(sums[r][v], _mm256_madd_epi16(a, weights[v]));
  }
}

QK_AVX2_INLINE void multiply(const qk_gemm_tile *tile, int rows, int vectors) {
  __m256i sums[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++)
      sums[r][v] = _mm256_loadu_si256((const __m256i *)(tile->bias + v * LANES));
  __m128i flip = _mm_set1_epi8((char)tile->flip);
  const int8_t *w = tile->weights;
  for (size_t run = 0; run < tile->runs; run++) {
    ptrdiff_t offset = tile->run_offsets[run];
    bool is_partial = tile->last_step < DEPTH && run + 1 == tile->runs;
    for (size_t k = is_partial; k < tile->run_steps; k++, offset += DEPTH, w += vectors * LANES * DEPTH)
      step(rows, vectors, sums, tile->rows, offset, DEPTH, flip, w);
    if (is_partial) step(rows, vectors, sums, tile->rows, offset, tile->last_step, flip, w);
  }
  qk_gemm_store_avx2(tile, rows, vectors, sums);
}

// One function for each number of rows and each width, so that the sums stay in registers.
#define EVERY_ROWS(X) X(1) X(2) X(3) X(4)
#define NARROW(rows) \
  QK_AVX2_TARGET static void narrow_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 1); }
#define WIDE(rows) \
  QK_AVX2_TARGET static void wide_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 2); }
EVERY_ROWS(NARROW)
EVERY_ROWS(WIDE)

void qk_gemm_u8s8_ukernel_4x16k2__avx2(const qk_gemm_tile *tile) {
#define NARROW_NAME(rows) narrow_##rows,
#define WIDE_NAME(rows) wide_##rows,
  static void (*const by_rows[2][ROWS])(const qk_gemm_tile *) = {{EVERY_ROWS(NARROW_NAME)},
                                                                 {EVERY_ROWS(WIDE_NAME)}};
  by_rows[tile->width > LANES][tile->row_count - 1](tile);
}
#endif
