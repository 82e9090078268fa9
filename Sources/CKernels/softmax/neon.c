#if defined(__aarch64__)
// Exponentials are requantized all at once, 256 of them, and looked up as bytes.
#include "../cpu/neon_table.h"
#include "softmax.h"

QK_NEON_INLINE uint8_t find_most(size_t n, const uint8_t *x) {
  uint8x16_t most = vdupq_n_u8(0);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) most = vmaxq_u8(most, vld1q_u8(x + i));
  if (i < n) most = vmaxq_u8(most, qk_load_bytes_neon(x + i, n - i));
  return vmaxvq_u8(most);
}

/// What becomes of each exponential, in the order of the table.
QK_NEON_INLINE void requantize(const qk_softmax_u8_table *table, float multiplier, uint8_t result[256]) {
  const qk_saturation_neon saturation = qk_saturation_neon_of(table->zero_point, 0, 255);
  for (size_t d = 0; d < 256; d += 16) {
    float32x4_t numbers[4];
    for (size_t j = 0; j < 4; j++)
      numbers[j] = vmulq_n_f32(vcvtq_f32_u32(vld1q_u32(table->exponential + d + 4 * j)), multiplier);
    vst1q_u8(result + d, qk_saturate_bytes_neon(numbers, &saturation));
  }
}

QK_NEON_INLINE void softmax(const qk_softmax_u8_table *table, qk_softmax_row row) {
  uint8_t result[256];
  const uint8_t most = find_most(row.n, row.x);
  requantize(
      table,
      qk_softmax_multiplier(table->inverse_scale, qk_softmax_sum(table->exponential, row.n, row.x, most)),
      result);
  const qk_table_neon results = qk_load_table_neon(result);
  for (size_t i = 0; i < row.n; i += 16) {
    uint8x16_t below = vsubq_u8(vdupq_n_u8(most), qk_load_bytes_neon(row.x + i, row.n - i));
    qk_store_bytes_neon(qk_look_up_neon(&results, below), row.n - i, row.y + i);
  }
}

void qk_softmax_u8_ukernel__neon(const qk_softmax_u8_table *table, const qk_softmax_rows *rows) {
  for (size_t r = 0; r < rows->count; r++) {
    qk_softmax_row row = qk_softmax_row_at(rows, r);
    if (row.n > 0) softmax(table, row);
  }
}
#endif
