#if defined(__aarch64__)
// usmmla multiplies 8 bytes of 2 rows with 8 bytes of 2 columns into a square of 4 sums: twice the work of
// sdot, and rows stay u8. Squares live in registers: 4 pairs of rows by 4 pairs of columns.
#include "neon.h"

#define I8MM __attribute__((target("i8mm")))
#define I8MM_INLINE I8MM static inline __attribute__((always_inline))

enum { ROW_PAIRS = 4, COLUMN_PAIRS = 4, DEPTH = 8 };

/// Pointers to the rows of one pair; the second is the first again where the tile has an odd number.
static inline const uint8_t *row_of(const qk_gemm_tile *tile, int row) {
  return tile->rows[(size_t)row < tile->row_count ? row : row - 1];
}

I8MM_INLINE void step(int row_pairs, int column_pairs, int32x4_t squares[ROW_PAIRS][COLUMN_PAIRS],
                      const uint8_t *const row_pointers[2 * ROW_PAIRS], ptrdiff_t offset, size_t bytes,
                      uint8x16_t flip, const int8_t *w) {
  uint8x16_t a[ROW_PAIRS];
#pragma clang loop unroll(full)
  for (int i = 0; i < row_pairs; i++) {
    uint8x8_t first = vcreate_u8(qk_load_word(row_pointers[2 * i] + offset, bytes));
    uint8x8_t second = vcreate_u8(qk_load_word(row_pointers[2 * i + 1] + offset, bytes));
    a[i] = veorq_u8(vcombine_u8(first, second), flip);
  }
#pragma clang loop unroll(full)
  for (int j = 0; j < column_pairs; j++) {
    int8x16_t weights = vld1q_s8(w + j * 2 * DEPTH);
#pragma clang loop unroll(full)
    for (int i = 0; i < row_pairs; i++) squares[i][j] = vusmmlaq_s32(squares[i][j], a[i], weights);
  }
}

/// Row `half` of the squares, in the order of columns.
I8MM_INLINE int32x4_t row_of_squares(int32x4_t left, int32x4_t right, int half) {
  int64x2_t l = vreinterpretq_s64_s32(left), r = vreinterpretq_s64_s32(right);
  return vreinterpretq_s32_s64(half ? vzip2q_s64(l, r) : vzip1q_s64(l, r));
}

I8MM_INLINE void store(const qk_gemm_tile *tile, int row_pairs, int column_pairs,
                       int32x4_t squares[ROW_PAIRS][COLUMN_PAIRS]) {
  const int vectors = column_pairs / 2;
  qk_gemm_stage_neon stage = qk_gemm_stage_neon_of(tile, vectors);
#pragma clang loop unroll(full)
  for (int row = 0; row < 2 * row_pairs; row++) {
    if ((size_t)row == tile->row_count) break;
    int32x4_t sums[QK_GEMM_VECTORS_NEON];
    for (int v = 0; v < vectors; v++)
      sums[v] = row_of_squares(squares[row / 2][2 * v], squares[row / 2][2 * v + 1], row % 2);
    qk_gemm_store_neon(tile, &stage, row, vectors, sums);
  }
}

I8MM_INLINE void multiply(const qk_gemm_tile *tile, int row_pairs, int column_pairs) {
  int32x4_t squares[ROW_PAIRS][COLUMN_PAIRS];
#pragma clang loop unroll(full)
  for (int j = 0; j < column_pairs; j++) {
    int32x2_t bias = vld1_s32(tile->bias + 2 * j);
#pragma clang loop unroll(full)
    for (int i = 0; i < row_pairs; i++) squares[i][j] = vcombine_s32(bias, bias);
  }
  const uint8_t *rows[2 * ROW_PAIRS];
  for (int i = 0; i < 2 * row_pairs; i++) rows[i] = row_of(tile, i);

  const uint8x16_t flip = vdupq_n_u8(tile->flip);
  const int8_t *w = tile->weights;
  for (size_t run = 0; run < tile->runs; run++) {
    ptrdiff_t offset = tile->run_offsets[run];
    bool is_partial = tile->last_step < DEPTH && run + 1 == tile->runs;
    for (size_t k = is_partial; k < tile->run_steps; k++, offset += DEPTH, w += column_pairs * 2 * DEPTH)
      step(row_pairs, column_pairs, squares, rows, offset, DEPTH, flip, w);
    if (is_partial) step(row_pairs, column_pairs, squares, rows, offset, tile->last_step, flip, w);
  }
  store(tile, row_pairs, column_pairs, squares);
}

// One function for each number of pairs of rows and each width, all loops unrolled into registers.
#define EVERY_ROW_PAIRS(X) X(1) X(2) X(3) X(4)
#define NARROW(pairs) \
  I8MM static void narrow_##pairs(const qk_gemm_tile *tile) { multiply(tile, pairs, 2); }
#define WIDE(pairs) \
  I8MM static void wide_##pairs(const qk_gemm_tile *tile) { multiply(tile, pairs, 4); }
EVERY_ROW_PAIRS(NARROW)
EVERY_ROW_PAIRS(WIDE)

void qk_gemm_u8s8_ukernel_8x8k8__neoni8mm(const qk_gemm_tile *tile) {
#define NARROW_NAME(pairs) narrow_##pairs,
#define WIDE_NAME(pairs) wide_##pairs,
  static void (*const by_pairs[2][ROW_PAIRS])(const qk_gemm_tile *) = {{EVERY_ROW_PAIRS(NARROW_NAME)},
                                                                       {EVERY_ROW_PAIRS(WIDE_NAME)}};
  by_pairs[tile->width > 4][(tile->row_count - 1) / 2](tile);
}
#endif
