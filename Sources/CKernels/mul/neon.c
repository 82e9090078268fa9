#if defined(__aarch64__)
#include "../cpu/neon.h"
#include "mul.h"

QK_NEON_INLINE uint8x16_t multiply(const qk_mul_u8_params *p, const qk_saturation_neon *saturation,
                                   uint8x16_t a, uint8x16_t b) {
  float32x4_t left[4], right[4];
  qk_floats_neon(a, p->a_zero_point, left);
  qk_floats_neon(b, p->b_zero_point, right);
  for (int i = 0; i < 4; i++) {
    float32x4_t exact = vmulq_f32(left[i], right[i]);
    left[i] = vmulq_n_f32(exact, p->multiplier);
  }
  return qk_saturate_bytes_neon(left, saturation);
}

void qk_mul_u8_ukernel__neon(const qk_mul_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                             uint8_t *y) {
  const qk_mul_u8_params params = *p;
  const qk_saturation_neon saturation = qk_saturation_neon_of(p->zero_point, p->lo, p->hi);
  size_t i = 0;
  for (; i + 16 <= n; i += 16)
    vst1q_u8(y + i, multiply(&params, &saturation, vld1q_u8(a + i), vld1q_u8(b + i)));
  if (i == n) return;
  uint8x16_t left = qk_load_bytes_neon(a + i, n - i), right = qk_load_bytes_neon(b + i, n - i);
  qk_store_bytes_neon(multiply(&params, &saturation, left, right), n - i, y + i);
}
#endif
