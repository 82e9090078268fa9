#if defined(__aarch64__)
#include "../cpu/neon.h"
#include "layer_norm.h"

/// A lane of `squares` gets four squares for each 16 columns: below 2^32 for the longest rows.
QK_NEON_INLINE qk_row_norm norm_of(size_t n, const uint8_t *x, double epsilon) {
  uint32x4_t sums = vdupq_n_u32(0), squares = sums;
  for (size_t i = 0; i < n; i += 16) {
    uint8x16_t bytes = qk_load_bytes_neon(x + i, n - i);
    sums = vpadalq_u16(sums, vpaddlq_u8(bytes));
    squares = vpadalq_u16(squares, vmull_u8(vget_low_u8(bytes), vget_low_u8(bytes)));
    squares = vpadalq_u16(squares, vmull_high_u8(bytes, bytes));
  }
  return qk_row_norm_of(n, vaddvq_u32(sums), vaddlvq_u32(squares), epsilon);
}

/// 16 columns from the i-th on.
QK_NEON_INLINE void normalize(const qk_layer_norm_rows *rows, const qk_row_norm *norm, const uint8_t *x,
                              size_t i, float32x4_t t[4]) {
  qk_floats_neon(vld1q_u8(x + i), norm->whole, t);
  for (size_t j = 0; j < 4; j++) {
    t[j] = vmulq_n_f32(vsubq_f32(t[j], vdupq_n_f32(norm->fraction)), norm->scale);
    t[j] = vmulq_f32(t[j], vld1q_f32(rows->gamma + i + 4 * j));
    t[j] = vaddq_f32(t[j], vld1q_f32(rows->beta + i + 4 * j));
  }
}

void qk_layer_norm_u8_ukernel__neon(const qk_layer_norm_rows *rows) {
  const qk_saturation_neon saturation = qk_saturation_neon_of(rows->zero_point, rows->lo, rows->hi);
  for (size_t r = 0; r < rows->count; r++) {
    const uint8_t *x = rows->x + r * rows->x_stride;
    const qk_row_norm norm = norm_of(rows->n, x, rows->epsilon);
    size_t i = 0;
    for (; i + 16 <= rows->n; i += 16) {
      float32x4_t t[4];
      normalize(rows, &norm, x, i, t);
      if (rows->y) {
        vst1q_u8(rows->y + r * rows->y_stride + i, qk_saturate_bytes_neon(t, &saturation));
        continue;
      }
      for (size_t j = 0; j < 4; j++) vst1q_f32(rows->floats + r * rows->y_stride + i + 4 * j, t[j]);
    }
    qk_layer_norm_columns(rows, norm, r, i);
  }
}
#endif
