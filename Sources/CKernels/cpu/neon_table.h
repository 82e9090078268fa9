#pragma once
// A table of 256 bytes in 16 registers. Include in files for 64-bit Arm only.
#include "neon.h"

typedef struct qk_table_neon {
  uint8x16x4_t quarters[4];
} qk_table_neon;

QK_NEON_INLINE qk_table_neon qk_load_table_neon(const uint8_t table[256]) {
  return (qk_table_neon){
      {vld1q_u8_x4(table), vld1q_u8_x4(table + 64), vld1q_u8_x4(table + 128), vld1q_u8_x4(table + 192)}};
}

/// tbl looks up 64 entries and gives 0 past them, tbx keeps what was there.
QK_NEON_INLINE uint8x16_t qk_look_up_neon(const qk_table_neon *table, uint8x16_t x) {
  const uint8x16_t quarter = vdupq_n_u8(64);
  uint8x16_t y = vqtbl4q_u8(table->quarters[0], x);
  for (int q = 1; q < 4; q++) {
    x = vsubq_u8(x, quarter);
    y = vqtbx4q_u8(y, table->quarters[q], x);
  }
  return y;
}
