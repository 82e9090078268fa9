#if defined(__x86_64__)
// vpdpbusd on 256 bits, for processors that have it without AVX-512: 4 bytes of a row, broadcast to all
// lanes, times 4 bytes of each of 8 columns. Sums live in registers: up to 6 rows by 2 vectors, beside 2
// vectors of weights.
#include "avx2_store.h"

#define AVXVNNI __attribute__((target("avx2,avxvnni")))
#define AVXVNNI_INLINE AVXVNNI static inline __attribute__((always_inline))

enum { ROWS = 6, VECTORS = QK_GEMM_VECTORS_AVX2, LANES = QK_GEMM_LANES_AVX2, DEPTH = 4, PHASES = 4 };

/// `count` bytes, 1...4, as one integer; nothing past them is read.
static inline int32_t load_bytes(const uint8_t *a, size_t count) {
  if (count == DEPTH) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return four;
  }
  int32_t bytes = a[0];
  if (count > 1) bytes |= a[1] << 8;
  if (count > 2) bytes |= a[2] << 16;
  return bytes;
}

/// One step of DEPTH bytes for all rows: sums += a * w.
AVXVNNI_INLINE void step(int rows, int vectors, __m256i sums[][VECTORS],
                         const uint8_t *const row_pointers[ROWS], ptrdiff_t offset, size_t bytes, bool flips,
                         const int8_t *w) {
  __m256i weights[VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) weights[v] = _mm256_loadu_si256((const __m256i *)(w + v * LANES * DEPTH));
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m256i a = _mm256_set1_epi32(load_bytes(row_pointers[r] + offset, bytes));
    if (flips) a = _mm256_xor_si256(a, _mm256_set1_epi8((char)0x80));
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm256_dpbusd_avx_epi32(sums[r][v], a, weights[v]);
  }
}

/// The whole tile. Where few rows leave too few independent sums to hide the latency of vpdpbusd, `phases`
/// steps go to separate sums, added up at the end.
AVXVNNI_INLINE void multiply(const qk_gemm_tile *tile, int rows, int vectors, int phases, bool flips) {
  __m256i sums[PHASES][ROWS][VECTORS];
  const uint8_t *row_pointers[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    row_pointers[r] = tile->rows[r];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      sums[0][r][v] = _mm256_loadu_si256((const __m256i *)(tile->bias + v * LANES));
#pragma clang loop unroll(full)
      for (int p = 1; p < phases; p++) sums[p][r][v] = _mm256_setzero_si256();
    }
  }

  const int8_t *w = tile->weights;
  const ptrdiff_t step_bytes = vectors * LANES * DEPTH;
  const size_t partial = tile->last_step < DEPTH ? tile->last_step : 0;
  for (size_t run = 0; run < tile->runs; run++) {
    ptrdiff_t offset = tile->run_offsets[run];
    size_t left = tile->run_steps - (partial && run + 1 == tile->runs);
    for (; left >= (size_t)phases; left -= (size_t)phases) {
#pragma clang loop unroll(full)
      for (int p = 0; p < phases; p++, offset += DEPTH, w += step_bytes)
        step(rows, vectors, sums[p], row_pointers, offset, DEPTH, flips, w);
    }
    for (; phases > 1 && left > 0; left--, offset += DEPTH, w += step_bytes)
      step(rows, vectors, sums[0], row_pointers, offset, DEPTH, flips, w);
    if (partial && run + 1 == tile->runs)
      step(rows, vectors, sums[0], row_pointers, offset, partial, flips, w);
  }

#pragma clang loop unroll(full)
  for (int p = 1; p < phases; p++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[0][r][v] = _mm256_add_epi32(sums[0][r][v], sums[p][r][v]);
  qk_gemm_store_avx2(tile, rows, vectors, sums[0]);
}

// One function for each number of rows and each width, for u8 and for s8, all loops unrolled into registers.
#define EVERY_ROWS(X) X(1, 4) X(2, 2) X(3, 2) X(4, 1) X(5, 1) X(6, 1)
#define TILE(rows, phases)                                                                                \
  AVXVNNI static void narrow_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 1, phases, false); } \
  AVXVNNI static void wide_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 2, phases, false); }   \
  AVXVNNI static void narrow_flip_##rows(const qk_gemm_tile *tile) {                                      \
    multiply(tile, rows, 1, phases, true);                                                                \
  }                                                                                                       \
  AVXVNNI static void wide_flip_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 2, phases, true); }
EVERY_ROWS(TILE)

void qk_gemm_u8s8_ukernel_6x16k4__avxvnni(const qk_gemm_tile *tile) {
#define NAMES(rows, phases) {{narrow_##rows, wide_##rows}, {narrow_flip_##rows, wide_flip_##rows}},
  static void (*const by_rows[ROWS][2][2])(const qk_gemm_tile *) = {EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->flip != 0][tile->width > LANES](tile);
}
#endif
