#if defined(__aarch64__)
// sdot multiplies 4 bytes of a row, one lane of a vector of 16, with 4 bytes of each of 4 columns. It takes
// s8 only, so that rows are turned into it as they are read. Sums live in registers: 8 rows by 2 vectors.
#include "neon.h"

#define DOTPROD __attribute__((target("dotprod")))
#define DOTPROD_INLINE DOTPROD static inline __attribute__((always_inline))

enum { ROWS = 8, VECTORS = QK_GEMM_VECTORS_NEON, LANES = QK_GEMM_LANES_NEON, DEPTH = 4, CHUNK = 16 };
enum { PHASES = 4 };

typedef int32x4_t phase_sums[ROWS][VECTORS];

/// One step of DEPTH bytes for all rows: those in lane `lane` of `a`.
#define STEP(lane)                                                          \
  for (int v = 0; v < vectors; v++) {                                       \
    int8x16_t weights = vld1q_s8(w + ((lane)*vectors + v) * LANES * DEPTH); \
    for (int r = 0; r < rows; r++) {                                        \
      int32x4_t *sum = &sums[(lane) % phases][r][v];                        \
      *sum = vdotq_laneq_s32(*sum, weights, a[r], lane);                    \
    }                                                                       \
  }

DOTPROD_INLINE void add_chunk(int rows, int vectors, int phases, phase_sums *sums,
                              const uint8_t *const *row_pointers, ptrdiff_t offset, uint8x16_t flip,
                              const int8_t *w) {
  int8x16_t a[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
    a[r] = vreinterpretq_s8_u8(veorq_u8(vld1q_u8(row_pointers[r] + offset), flip));
  STEP(0)
  STEP(1)
  STEP(2)
  STEP(3)
}

/// The last bytes of a run, fewer than a chunk. Weights past the last one are 0.
DOTPROD_INLINE void add_rest(int rows, int vectors, int phases, phase_sums *sums,
                             const uint8_t *const *row_pointers, ptrdiff_t offset, size_t bytes,
                             uint8x16_t flip, const int8_t *w) {
  int8x16_t a[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
    a[r] = vreinterpretq_s8_u8(veorq_u8(qk_load_bytes_neon(row_pointers[r] + offset, bytes), flip));
  STEP(0)
  if (bytes > DEPTH) STEP(1)
  if (bytes > 2 * DEPTH) STEP(2)
  if (bytes > 3 * DEPTH) STEP(3)
}

/// The whole tile. Where few rows leave too few independent sums to hide the latency of sdot, `phases` steps
/// go to separate sums, added up at the end.
DOTPROD_INLINE void multiply(const qk_gemm_tile *tile, int rows, int vectors, int phases) {
  phase_sums sums[PHASES];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sums[0][r][v] = vld1q_s32(tile->bias + v * LANES);
#pragma clang loop unroll(full)
      for (int p = 1; p < phases; p++) sums[p][r][v] = vdupq_n_s32(0);
    }

  const uint8x16_t flip = vdupq_n_u8(tile->flip);
  const int8_t *w = tile->weights;
  for (size_t run = 0; run < tile->runs; run++) {
    ptrdiff_t offset = tile->run_offsets[run];
    size_t bytes = tile->run_steps * DEPTH - (run + 1 == tile->runs ? DEPTH - tile->last_step : 0);
    for (; bytes >= CHUNK; bytes -= CHUNK, offset += CHUNK, w += vectors * LANES * CHUNK)
      add_chunk(rows, vectors, phases, sums, tile->rows, offset, flip, w);
    if (bytes > 0) add_rest(rows, vectors, phases, sums, tile->rows, offset, bytes, flip, w);
    w += (ptrdiff_t)qk_round_up(bytes, DEPTH) * vectors * LANES;
  }

  qk_gemm_stage_neon stage = qk_gemm_stage_neon_of(tile, vectors);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
#pragma clang loop unroll(full)
    for (int p = 1; p < phases; p++)
      for (int v = 0; v < vectors; v++) sums[0][r][v] = vaddq_s32(sums[0][r][v], sums[p][r][v]);
    qk_gemm_store_neon(tile, &stage, r, vectors, sums[0][r]);
  }
}

// One function for each number of rows and each width, all loops unrolled into registers.
#define EVERY_ROWS(X) X(1, 4) X(2, 4) X(3, 2) X(4, 2) X(5, 1) X(6, 1) X(7, 1) X(8, 1)
#define NARROW(rows, phases) \
  DOTPROD static void narrow_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 1, phases); }
#define WIDE(rows, phases) \
  DOTPROD static void wide_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 2, phases); }
EVERY_ROWS(NARROW)
EVERY_ROWS(WIDE)

void qk_gemm_u8s8_ukernel_8x8k4__neondot(const qk_gemm_tile *tile) {
#define NARROW_NAME(rows, phases) narrow_##rows,
#define WIDE_NAME(rows, phases) wide_##rows,
  static void (*const by_rows[2][ROWS])(const qk_gemm_tile *) = {{EVERY_ROWS(NARROW_NAME)},
                                                                 {EVERY_ROWS(WIDE_NAME)}};
  by_rows[tile->width > LANES][tile->row_count - 1](tile);
}
#endif
