#if defined(__x86_64__)
// Scattered weights. vpermb gathers, from a window of 64 bytes of a row, the 4 that each of 16 columns has
// weights for; then vpdpbusd multiplies them.
#include "avx512.h"

#define VBMI __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")))
#define VBMI_INLINE VBMI static inline __attribute__((always_inline))

VBMI_INLINE void step(const qk_sparse_tile *tile, int rows, size_t index, __mmask64 readable,
                      __m512i sums[][QK_SPARSE_MOST_VECTORS]) {
  const uint8_t *a = tile->a + (size_t)tile->positions[index] * QK_SPARSE_WINDOW;
  const uint8_t *at = tile->steps + index * (2 * QK_SPARSE_WINDOW);
  __m512i indices = _mm512_loadu_si512(at), w = _mm512_loadu_si512(at + QK_SPARSE_WINDOW);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m512i window = _mm512_maskz_loadu_epi8(readable, a + (size_t)r * tile->a_stride);
    sums[r][0] = _mm512_dpbusd_epi32(sums[r][0], _mm512_permutexvar_epi8(indices, window), w);
  }
}

VBMI_INLINE void multiply(const qk_sparse_tile *tile, int rows, int phases) {
  qk_sparse_sums sums;
  qk_sparse_start_avx512(tile, rows, 1, phases, sums);
  size_t s = 0, whole = tile->step_count / (size_t)phases * (size_t)phases;
  for (; s < whole; s += (size_t)phases) {
#pragma clang loop unroll(full)
    for (int p = 0; p < phases; p++) step(tile, rows, s + (size_t)p, ~0ull, sums[p]);
  }
  for (; s < tile->step_count; s++) step(tile, rows, s, ~0ull, sums[0]);
  for (; s < tile->step_count + tile->tail_count; s++)
    step(tile, rows, s, qk_byte_lanes(tile->tail), sums[0]);
  qk_sparse_finish_avx512(tile, rows, 1, phases, sums);
}

#define OF_ROWS(rows, phases) \
  VBMI static void rows_##rows(const qk_sparse_tile *tile) { multiply(tile, rows, phases); }
QK_SPARSE_EVERY_ROWS(OF_ROWS)

void qk_sparse_scattered_ukernel_12__avx512vbmi(const qk_sparse_tile *tile) {
#define NAME(rows, phases) rows_##rows,
  static void (*const by_rows[])(const qk_sparse_tile *) = {QK_SPARSE_EVERY_ROWS(NAME)};
  by_rows[tile->row_count - 1](tile);
}
#endif
