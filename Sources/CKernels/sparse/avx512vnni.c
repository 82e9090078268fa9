#if defined(__x86_64__)
// Blocks. A block is what vpdpbusd multiplies with 4 bytes of a row: the dense product, with steps left out.
#include "avx512.h"

QK_AVX512_INLINE void step(const qk_sparse_tile *tile, int rows, int vectors, size_t index, size_t depth,
                           __m512i sums[][QK_SPARSE_MOST_VECTORS]) {
  const uint8_t *a = tile->a + (size_t)tile->positions[index] * QK_SPARSE_DEPTH;
  const uint8_t *block = tile->steps + index * (size_t)(vectors * 64);
  __m512i w[QK_SPARSE_MOST_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) w[v] = _mm512_loadu_si512(block + v * 64);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    int32_t four = 0;
    memcpy(&four, a + (size_t)r * tile->a_stride, depth);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], _mm512_set1_epi32(four), w[v]);
  }
}

QK_AVX512_INLINE void multiply(const qk_sparse_tile *tile, int rows, int vectors, int phases) {
  qk_sparse_sums sums;
  qk_sparse_start_avx512(tile, rows, vectors, phases, sums);
  size_t s = 0, whole = tile->step_count / (size_t)phases * (size_t)phases;
  for (; s < whole; s += (size_t)phases) {
#pragma clang loop unroll(full)
    for (int p = 0; p < phases; p++) step(tile, rows, vectors, s + (size_t)p, QK_SPARSE_DEPTH, sums[p]);
  }
  for (; s < tile->step_count; s++) step(tile, rows, vectors, s, QK_SPARSE_DEPTH, sums[0]);
  if (tile->tail_count > 0) {
    if (tile->tail == 1) step(tile, rows, vectors, s, 1, sums[0]);
    if (tile->tail == 2) step(tile, rows, vectors, s, 2, sums[0]);
    if (tile->tail == 3) step(tile, rows, vectors, s, 3, sums[0]);
  }
  qk_sparse_finish_avx512(tile, rows, vectors, phases, sums);
}

// One function for each number of rows and each width, so that the sums stay in registers.
#define BOTH_WIDTHS(rows, phases)                                                                      \
  QK_AVX512 static void narrow_##rows(const qk_sparse_tile *tile) { multiply(tile, rows, 1, phases); } \
  QK_AVX512 static void wide_##rows(const qk_sparse_tile *tile) { multiply(tile, rows, 2, phases); }
QK_SPARSE_EVERY_ROWS(BOTH_WIDTHS)

void qk_sparse_blocks_ukernel_12__avx512vnni(const qk_sparse_tile *tile) {
#define NAMES(rows, phases) {narrow_##rows, wide_##rows},
  static void (*const by_rows[][2])(const qk_sparse_tile *) = {QK_SPARSE_EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->width > QK_SPARSE_LANES](tile);
}
#endif
