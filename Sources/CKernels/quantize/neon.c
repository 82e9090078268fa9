#if defined(__aarch64__)
#include "../cpu/neon.h"
#include "quantize.h"

enum { BLOCK = 16 };

void qk_quantize_ukernel__neon(const qk_quantizer *q, size_t n, const float *x, uint8_t *y) {
  const qk_saturation_neon saturation = qk_saturation_neon_of(q->zero_point, q->lo, q->hi);
  const float32x4_t scale = vdupq_n_f32(q->scale);
  size_t i = 0;
  for (; i + BLOCK <= n; i += BLOCK) {
    float32x4_t quotients[4];
    for (int j = 0; j < 4; j++) quotients[j] = vdivq_f32(vld1q_f32(x + i + 4 * j), scale);
    vst1q_u8(y + i, qk_saturate_bytes_neon(quotients, &saturation));
  }
  qk_quantize_elements(q, n - i, x + i, y + i);
}

void qk_dequantize_ukernel__neon(float scale, int32_t zero_point, uint8_t flip, size_t n, const uint8_t *x,
                                 float *y) {
  const uint8x16_t flips = vdupq_n_u8(flip);
  size_t i = 0;
  for (; i + BLOCK <= n; i += BLOCK) {
    float32x4_t numbers[4];
    qk_floats_neon(veorq_u8(vld1q_u8(x + i), flips), (uint8_t)zero_point, numbers);
    for (int j = 0; j < 4; j++) vst1q_f32(y + i + 4 * j, vmulq_n_f32(numbers[j], scale));
  }
  qk_dequantize_elements(scale, zero_point, flip, n - i, x + i, y + i);
}

/// The numbers among 4 that are not finite: rare.
static void count_others(qk_minmax *result, float32x4_t numbers, uint32x4_t finite) {
  uint32x4_t numeric = vceqq_f32(numbers, numbers);
  result->nan_count += vaddvq_u32(vshrq_n_u32(vmvnq_u32(numeric), 31));
  result->inf_count += vaddvq_u32(vshrq_n_u32(vbicq_u32(numeric, finite), 31));
}

qk_minmax qk_minmax_f32_ukernel__neon(size_t n, const float *x) {
  const float32x4_t largest_finite = vdupq_n_f32(3.402823466e38f);
  qk_minmax result = {0};
  float32x4_t min[4], max[4];
  for (int j = 0; j < 4; j++) min[j] = vdupq_n_f32(INFINITY), max[j] = vdupq_n_f32(-INFINITY);
  size_t i = 0;
  for (; i + BLOCK <= n; i += BLOCK) {
    uint32x4_t all_finite = vdupq_n_u32(UINT32_MAX);
    for (int j = 0; j < 4; j++) {
      float32x4_t numbers = vld1q_f32(x + i + 4 * j);
      uint32x4_t finite = vcaleq_f32(numbers, largest_finite);
      min[j] = vbslq_f32(finite, vminq_f32(min[j], numbers), min[j]);
      max[j] = vbslq_f32(finite, vmaxq_f32(max[j], numbers), max[j]);
      all_finite = vandq_u32(all_finite, finite);
    }
    if (vminvq_u32(all_finite)) continue;
    for (int j = 0; j < 4; j++) {
      float32x4_t numbers = vld1q_f32(x + i + 4 * j);
      count_others(&result, numbers, vcaleq_f32(numbers, largest_finite));
    }
  }
  result.min = vminvq_f32(vminq_f32(vminq_f32(min[0], min[1]), vminq_f32(min[2], min[3])));
  result.max = vmaxvq_f32(vmaxq_f32(vmaxq_f32(max[0], max[1]), vmaxq_f32(max[2], max[3])));
  qk_minmax_elements(&result, n - i, x + i);
  return result;
}
#endif
