#if defined(__aarch64__)
// s8 rows. sdot multiplies 4 codes of each of 4 columns with 4 bytes of a row, one lane of a vector that
// holds those of all rows. It takes s8 only: codes of 8 bits are turned into it by taking 128 away, which 128
// times the sum of the row makes up for.
#include "neon.h"

#define DOTPROD __attribute__((target("dotprod")))
#define DOTPROD_INLINE DOTPROD static inline __attribute__((always_inline))

enum { ROWS = 4, VECTORS = QK_LOWBIT_VECTORS_NEON, LANES = QK_LOWBIT_LANES_NEON };

/// The codes of 4 columns for k = 4 * part...
DOTPROD_INLINE int8x16_t codes_of(uint8x16_t chunk, int bits, int part) {
  if (bits == 8) return vreinterpretq_s8_u8(veorq_u8(chunk, vdupq_n_u8(0x80)));
  uint8x16_t shifted = vshlq_u8(chunk, vdupq_n_s8((int8_t)(-bits * part)));
  return vreinterpretq_s8_u8(vandq_u8(shifted, vdupq_n_u8((uint8_t)((1 << bits) - 1))));
}

/// One chunk of 16 columns.
DOTPROD_INLINE void multiply(int rows, int bits, const uint8_t *codes, const int8_t *x,
                             int32x4_t sums[ROWS][VECTORS], int32x4_t *row_sums) {
#pragma clang loop unroll(full)
  for (int part = 0; part < 8 / bits; part++) {
    const size_t bytes = (size_t)rows * 4;
    int8x16_t fours =
        vreinterpretq_s8_u8(qk_load_bytes_neon((const uint8_t *)x + (size_t)part * bytes, bytes));
    if (bits == 8) *row_sums = vdotq_s32(*row_sums, fours, vdupq_n_s8(1));
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      int8x16_t w = codes_of(vld1q_u8(codes + v * 16), bits, part);
      sums[0][v] = vdotq_laneq_s32(sums[0][v], w, fours, 0);
      if (rows > 1) sums[1][v] = vdotq_laneq_s32(sums[1][v], w, fours, 1);
      if (rows > 2) sums[2][v] = vdotq_laneq_s32(sums[2][v], w, fours, 2);
      if (rows > 3) sums[3][v] = vdotq_laneq_s32(sums[3][v], w, fours, 3);
    }
  }
}

/// acc += one group of 16 columns.
DOTPROD_INLINE void add_group(const qk_lowbit_tile *tile, int rows, int bits, size_t first, size_t group,
                              float32x4_t acc[ROWS][VECTORS]) {
  const qk_lowbit_layout *layout = tile->layout;
  const char *block = qk_lowbit_block(tile, group);
  const uint8_t *codes = qk_lowbit_codes(layout, block) + first / QK_LOWBIT_LANES * QK_LOWBIT_CHUNK;
  const int8_t *x = (const int8_t *)tile->x + group * layout->group * (size_t)rows;
  const int32_t *corrections = tile->corrections + group * (size_t)rows;
  int32x4_t sums[ROWS][VECTORS], zero_points[VECTORS], row_sums = vdupq_n_s32(0);
  if (layout->zero_points_differ) qk_lowbit_zero_points_neon(tile, group, first, zero_points);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < VECTORS; v++)
      sums[r][v] = layout->zero_points_differ ? vmulq_n_s32(zero_points[v], corrections[r])
                                              : vdupq_n_s32(corrections[r]);

  const size_t chunks = qk_lowbit_chunks(layout);
  for (size_t c = 0; c < chunks; c++, codes += 2 * QK_LOWBIT_CHUNK, x += rows * (32 / bits))
    multiply(rows, bits, codes, x, sums, &row_sums);

  int32_t missing[ROWS];
  vst1q_s32(missing, vshlq_n_s32(row_sums, 7));
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    float32x4_t scales = qk_lowbit_scales_neon(layout, block, first + (size_t)v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      float32x4_t scale = scales;
      if (tile->grouped) scale = vmulq_n_f32(scales, tile->scales[group * (size_t)rows + (size_t)r]);
      if (bits == 8) sums[r][v] = vaddq_s32(sums[r][v], vdupq_n_s32(missing[r]));
      acc[r][v] = vfmaq_f32(acc[r][v], vcvtq_f32_s32(sums[r][v]), scale);
    }
  }
}

DOTPROD_INLINE float32x4_t finish(const qk_lowbit_tile *tile, size_t row, size_t column, float32x4_t acc) {
  float32x4_t bias = vld1q_f32(qk_lowbit_bias(tile) + column);
  if (tile->grouped) return vaddq_f32(acc, bias);
  float32x4_t zero_point = vdupq_n_f32(tile->zero_points ? -(float)tile->zero_points[row] : -0.0f);
  float32x4_t y = vfmaq_f32(acc, zero_point, vld1q_f32(qk_lowbit_sums(tile) + column));
  return vfmaq_f32(bias, y, vdupq_n_f32(tile->scales[row]));
}

/// The 16 columns of the panel from `first` on.
DOTPROD_INLINE void run_half(const qk_lowbit_tile *tile, int rows, int bits, size_t first) {
  float32x4_t acc[ROWS][VECTORS];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < VECTORS; v++) acc[r][v] = vdupq_n_f32(0);
  for (size_t group = 0; group < tile->layout->groups; group++)
    add_group(tile, rows, bits, first, group, acc);
  for (size_t r = 0; r < (size_t)rows; r++)
    for (size_t v = 0; v < VECTORS; v++) {
      const size_t column = first + v * LANES;
      qk_lowbit_store_neon(tile, r, column, finish(tile, r, column, acc[r][v]));
    }
}

DOTPROD_INLINE void run(const qk_lowbit_tile *tile, int rows, int bits) {
  run_half(tile, rows, bits, 0);
  if (tile->columns > QK_LOWBIT_HALF_NEON) run_half(tile, rows, bits, QK_LOWBIT_HALF_NEON);
}

// One function for each number of rows and of bits, so that the sums stay in registers.
#define EVERY_ROWS(X) X(1) X(2) X(3) X(4)
#define EVERY_BITS(rows)                                                                     \
  DOTPROD static void rows_##rows##_of_2(const qk_lowbit_tile *tile) { run(tile, rows, 2); } \
  DOTPROD static void rows_##rows##_of_4(const qk_lowbit_tile *tile) { run(tile, rows, 4); } \
  DOTPROD static void rows_##rows##_of_8(const qk_lowbit_tile *tile) { run(tile, rows, 8); }
EVERY_ROWS(EVERY_BITS)

void qk_lowbit_s8_ukernel_4x32__neondot(const qk_lowbit_tile *tile) {
#define NAMES(rows) {rows_##rows##_of_2, rows_##rows##_of_4, rows_##rows##_of_8},
  static void (*const by_rows[ROWS][3])(const qk_lowbit_tile *) = {EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->layout->bits / 4](tile);
}
#endif
