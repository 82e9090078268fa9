#pragma once
// fp16 as bits. Finite numbers only: scales are.
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t qk_float_bits(float number) {
  uint32_t bits;
  memcpy(&bits, &number, sizeof bits);
  return bits;
}

/// Exact. The exponent of the shifted bits is 112 too low, which one product mends, for subnormals too.
static inline float qk_half_to_float(uint16_t half) {
  uint32_t bits = (half & 0x7fffu) << 13;
  float magnitude;
  memcpy(&magnitude, &bits, sizeof magnitude);
  magnitude *= 0x1p112f;
  return half & 0x8000 ? -magnitude : magnitude;
}

/// Nearest, ties to even, +-65504 beyond. A step of fp16 at |x| is 2^-10 of the power of two below it, and no
/// smaller than 2^-24; adding and taking away 1.5 * 2^23 steps rounds to one.
static inline float qk_round_to_half(float x) {
  float magnitude = fabsf(x);
  if (!(magnitude < 65504.0f)) return magnitude != magnitude ? x : copysignf(65504.0f, x);
  int exponent;
  frexpf(magnitude, &exponent);  // magnitude < 2^exponent
  float shift = ldexpf(1.5f, (exponent - 11 > -24 ? exponent - 11 : -24) + 23);
  volatile float shifted = magnitude + shift;  // two roundings as written, whatever the compiler is told
  return copysignf(shifted - shift, x);
}

static inline int qk_fits_half(float x) { return qk_round_to_half(x) == x; }

/// Of a number that fits.
static inline uint16_t qk_half_of(float x) {
  uint32_t sign = qk_float_bits(x) >> 16 & 0x8000;
  return (uint16_t)(sign | qk_float_bits(fabsf(x) * 0x1p-112f) >> 13);
}
