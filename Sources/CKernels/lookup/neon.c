#if defined(__aarch64__)
// The table lies in 16 registers. tbl looks up 64 entries and gives 0 past them, tbx keeps what was there.
#include "../cpu/neon.h"
#include "lookup.h"

QK_NEON_INLINE uint8x16_t look_up(uint8x16_t x, const uint8x16x4_t quarters[4]) {
  const uint8x16_t quarter = vdupq_n_u8(64);
  uint8x16_t y = vqtbl4q_u8(quarters[0], x);
  for (int q = 1; q < 4; q++) {
    x = vsubq_u8(x, quarter);
    y = vqtbx4q_u8(y, quarters[q], x);
  }
  return y;
}

static void look_up_row(const uint8x16x4_t quarters[4], size_t n, const uint8_t *x, uint8_t *y) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) vst1q_u8(y + i, look_up(vld1q_u8(x + i), quarters));
  if (i < n) qk_store_bytes_neon(look_up(qk_load_bytes_neon(x + i, n - i), quarters), n - i, y + i);
}

void qk_lookup_u8_ukernel__neon(const qk_rows_u8 *rows, const uint8_t table[256]) {
  if (rows->n * rows->count < 16) {  // not worth loading the table
    qk_look_up_elements(rows, table);
    return;
  }
  uint8x16x4_t quarters[4];
  for (int q = 0; q < 4; q++) quarters[q] = vld1q_u8_x4(table + q * 64);
  for (size_t r = 0; r < rows->count; r++)
    look_up_row(quarters, rows->n, rows->x + r * rows->x_stride, rows->y + r * rows->y_stride);
}
#endif
