#pragma once
#include <stdint.h>

#include "compiler.h"

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
