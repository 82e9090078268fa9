#pragma once
// What both Arm kernels read from a block and write. A panel is multiplied in halves of 16 columns, 4
// vectors. Include in files for 64-bit Arm only.
#include "../cpu/neon.h"
#include "lowbit.h"

enum { QK_LOWBIT_LANES_NEON = 4, QK_LOWBIT_VECTORS_NEON = 4, QK_LOWBIT_HALF_NEON = 16 };

/// 4 columns' scales of a block.
QK_NEON_INLINE float32x4_t qk_lowbit_scales_neon(const qk_lowbit_layout *layout, const char *block,
                                                 size_t column) {
  if (!layout->half_scales) return vld1q_f32((const float *)(const void *)block + column);
  uint16x4_t halves = vld1_u16((const uint16_t *)(const void *)block + column);
  return vcvt_f32_f16(vreinterpret_f16_u16(halves));
}

/// 16 columns' zero points of a group as 32-bit numbers.
QK_NEON_INLINE void qk_lowbit_zero_points_neon(const qk_lowbit_tile *tile, size_t group, size_t column,
                                               int32x4_t zero_points[QK_LOWBIT_VECTORS_NEON]) {
  uint8x16_t bytes = tile->layout->zero_points_differ ? vld1q_u8(qk_lowbit_zero_points(tile, group) + column)
                                                      : vdupq_n_u8(tile->layout->zero_point);
  uint16x8_t low = vmovl_u8(vget_low_u8(bytes)), high = vmovl_high_u8(bytes);
  zero_points[0] = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(low)));
  zero_points[1] = vreinterpretq_s32_u32(vmovl_high_u16(low));
  zero_points[2] = vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(high)));
  zero_points[3] = vreinterpretq_s32_u32(vmovl_high_u16(high));
}

/// Writes 4 results, or as many of them as there are columns.
QK_NEON_INLINE void qk_lowbit_store_neon(const qk_lowbit_tile *tile, size_t row, size_t column,
                                         float32x4_t y) {
  if (tile->columns <= column) return;
  qk_store_words_neon(vreinterpretq_s32_f32(y), tile->columns - column,
                      tile->y + row * tile->y_stride + column);
}
