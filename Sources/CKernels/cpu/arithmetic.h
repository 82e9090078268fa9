#pragma once
// The contract of qk_int8.h, one number at a time. Portable kernels call these; the others match them bit for
// bit.
#include <math.h>

#include "qk_int8.h"

#pragma STDC FP_CONTRACT OFF

/// rne(t) for |t| <= 2^22: above 2^23 a float has no fraction bits, so the addition itself rounds half to
/// even.
static inline int32_t qk_round_half_even(float t) {
  const float shift = 12582912.0f;  // 1.5 * 2^23
  union {
    float number;
    int32_t bits;
  } shifted = {t + shift}, zero = {shift};
  return shifted.bits - zero.bits;
}

/// int(rne(t)) + zero_point, saturated on t itself; NaN and -inf give lo.
static inline int32_t qk_saturate(float t, int32_t zero_point, int32_t lo, int32_t hi) {
  float least = (float)(lo - zero_point), most = (float)(hi - zero_point);
  t = t > least ? t : least;
  t = t < most ? t : most;
  return qk_round_half_even(t) + zero_point;
}

static inline uint8_t qk_requantize(int32_t acc, float multiplier, uint8_t zero_point, uint8_t lo,
                                    uint8_t hi) {
  return (uint8_t)qk_saturate((float)acc * multiplier, zero_point, lo, hi);
}

static inline bool qk_is_scale(float scale) { return scale > 0 && scale < INFINITY; }

static inline bool qk_are_scales(const float *scale, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!qk_is_scale(scale[i])) return false;
  return true;
}

static inline size_t qk_round_up(size_t n, size_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

static inline bool qk_is_aligned(const void *memory) { return ((uintptr_t)memory & (QK_ALIGNMENT - 1)) == 0; }

/// a * b, or false where the product or any useful size derived from it would overflow.
static inline bool qk_product(size_t a, size_t b, size_t *product) {
  return !__builtin_mul_overflow(a, b, product) && *product <= (size_t)1 << 46;
}
