#if defined(__aarch64__)
// f32 rows: codes are shifted, masked and converted, then multiplied with up to 4 rows.
#include "neon.h"

enum { ROWS = 4, VECTORS = QK_LOWBIT_VECTORS_NEON, LANES = QK_LOWBIT_LANES_NEON };

/// The numbers of all rows at one k: consecutive floats.
QK_NEON_INLINE float32x4_t load_rows(const float *x, int rows) {
  float numbers[ROWS] = {0};
  memcpy(numbers, x, (size_t)rows * sizeof *x);
  return vld1q_f32(numbers);
}

/// One chunk of 16 columns: k in the order of the contract.
QK_NEON_INLINE void multiply(int rows, int bits, const int32x4_t zero_points[VECTORS], const uint8_t *codes,
                             const float *x, float32x4_t t[ROWS][VECTORS]) {
  const uint32x4_t mask = vdupq_n_u32((1u << bits) - 1);
  uint32x4_t chunk[VECTORS];
  for (int v = 0; v < VECTORS; v++) chunk[v] = vreinterpretq_u32_u8(vld1q_u8(codes + v * 16));
#pragma clang loop unroll(full)
  for (int k = 0; k < 32 / bits; k++) {
    const int32x4_t shift = vdupq_n_s32(-(k % 4 * 8 + k / 4 * bits));
    const float32x4_t numbers = load_rows(x + k * rows, rows);
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      int32x4_t code = vreinterpretq_s32_u32(vandq_u32(vshlq_u32(chunk[v], shift), mask));
      float32x4_t w = vcvtq_f32_s32(vsubq_s32(code, zero_points[v]));
      t[0][v] = vfmaq_laneq_f32(t[0][v], w, numbers, 0);
      if (rows > 1) t[1][v] = vfmaq_laneq_f32(t[1][v], w, numbers, 1);
      if (rows > 2) t[2][v] = vfmaq_laneq_f32(t[2][v], w, numbers, 2);
      if (rows > 3) t[3][v] = vfmaq_laneq_f32(t[3][v], w, numbers, 3);
    }
  }
}

/// The 16 columns of the panel from `first` on.
QK_NEON_INLINE void run_half(const qk_lowbit_tile *tile, int rows, int bits, size_t first) {
  const qk_lowbit_layout *layout = tile->layout;
  const size_t chunks = qk_lowbit_chunks(layout);
  const float *x = tile->x;
  float32x4_t acc[ROWS][VECTORS], t[ROWS][VECTORS];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < VECTORS; v++) acc[r][v] = vdupq_n_f32(0);
  for (size_t group = 0; group < layout->groups; group++) {
    const char *block = qk_lowbit_block(tile, group);
    const uint8_t *codes = qk_lowbit_codes(layout, block) + first / QK_LOWBIT_LANES * QK_LOWBIT_CHUNK;
    int32x4_t zero_points[VECTORS];
    qk_lowbit_zero_points_neon(tile, group, first, zero_points);
    for (int r = 0; r < rows; r++)
      for (int v = 0; v < VECTORS; v++) t[r][v] = vdupq_n_f32(0);
    for (size_t c = 0; c < chunks; c++, codes += 2 * QK_LOWBIT_CHUNK, x += rows * (32 / bits))
      multiply(rows, bits, zero_points, codes, x, t);
    for (int v = 0; v < VECTORS; v++) {
      float32x4_t scales = qk_lowbit_scales_neon(layout, block, first + (size_t)v * LANES);
      for (int r = 0; r < rows; r++) acc[r][v] = vfmaq_f32(acc[r][v], t[r][v], scales);
    }
  }
  for (size_t v = 0; v < VECTORS; v++) {
    float32x4_t bias = vld1q_f32(qk_lowbit_bias(tile) + first + v * LANES);
    for (int r = 0; r < rows; r++)
      qk_lowbit_store_neon(tile, (size_t)r, first + v * LANES, vaddq_f32(acc[r][v], bias));
  }
}

QK_NEON_INLINE void run(const qk_lowbit_tile *tile, int rows, int bits) {
  run_half(tile, rows, bits, 0);
  if (tile->columns > QK_LOWBIT_HALF_NEON) run_half(tile, rows, bits, QK_LOWBIT_HALF_NEON);
}

// One function for each number of rows and of bits, so that the sums stay in registers.
#define EVERY_ROWS(X) X(1) X(2) X(3) X(4)
#define EVERY_BITS(rows)                                                             \
  static void rows_##rows##_of_2(const qk_lowbit_tile *tile) { run(tile, rows, 2); } \
  static void rows_##rows##_of_4(const qk_lowbit_tile *tile) { run(tile, rows, 4); } \
  static void rows_##rows##_of_8(const qk_lowbit_tile *tile) { run(tile, rows, 8); }
EVERY_ROWS(EVERY_BITS)

void qk_lowbit_f32_ukernel_4x32__neon(const qk_lowbit_tile *tile) {
#define NAMES(rows) {rows_##rows##_of_2, rows_##rows##_of_4, rows_##rows##_of_8},
  static void (*const by_rows[ROWS][3])(const qk_lowbit_tile *) = {EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->layout->bits / 4](tile);
}
#endif
