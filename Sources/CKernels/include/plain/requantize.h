#pragma once
#include "arithmetic.h"

/// clamp(rne(f32(acc) * multiplier) + zero_point, lo, hi).
static inline uint8_t qk_requantize(int32_t acc, float multiplier, uint8_t zero_point, uint8_t lo,
                                    uint8_t hi) {
  return (uint8_t)qk_saturate((float)acc * multiplier, zero_point, lo, hi);
}
