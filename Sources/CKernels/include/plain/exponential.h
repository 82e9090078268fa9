#pragma once
#include <stdint.h>

#include "compiler.h"

// e^x and what is made of it, as straight-line code that vectorises: no branches, no calls. The polynomials
// are weighted least-squares fits on Chebyshev nodes, iterated towards the smallest largest error; that error
// is noted beside each.

static inline uint32_t qk_bits(float x) {
  union {
    float number;
    uint32_t bits;
  } u = {x};
  return u.bits;
}

static inline float qk_of_bits(uint32_t bits) {
  union {
    uint32_t bits;
    float number;
  } u = {bits};
  return u.number;
}

static inline float qk_abs(float x) { return qk_of_bits(qk_bits(x) & 0x7fffffffu); }

/// e^x.
/// x = k ln 2 + r with |r| <= ln 2 / 2; e^r = 1 + r + r^2 q(r) (3e-9); k is applied in two halves so that
/// results among the denormals are rounded once.
static inline float qk_exp(float x) {
  x = x < -104.5f ? -104.5f : x;
  x = x > 89.0f ? 89.0f : x;
  const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, held in the low bits
  float shifted = x * 1.44269504f + shift;
  float k = shifted - shift;
  float r = x - k * 0.693145752f - k * 1.42860677e-6f;  // ln 2 in two parts, the first exact times k
  float q = 0.00138145379f;
  q = q * r + 0.00836874532f;
  q = q * r + 0.0416683908f;
  q = q * r + 0.166665204f;
  q = q * r + 0.499999934f;
  float p = r * r * q + r + 1.0f;
  uint32_t whole = qk_bits(shifted) - qk_bits(shift);
  uint32_t half = (uint32_t)((int32_t)whole >> 1);
  return p * qk_of_bits((half + 127u) << 23) * qk_of_bits((whole - half + 127u) << 23);
}

/// x + x^3 p(x^2) below 0.625 (4e-9), 1 - 2 / (e^2x + 1) above.
static inline float qk_tanh(float x) {
  float size = qk_abs(x), u = x * x;
  float p = -0.00570497836f;
  p = p * u + 0.0206390787f;
  p = p * u + -0.0537397122f;
  p = p * u + 0.133314422f;
  p = p * u + -0.333332819f;
  float near = size + size * (u * p);
  float far = 1.0f - 2.0f / (qk_exp(2.0f * size) + 1.0f);
  float y = size < 0.625f ? near : far;
  return qk_of_bits((qk_bits(y) & 0x7fffffffu) | (qk_bits(x) & 0x80000000u));
}

/// From e^-|x|, which cannot overflow.
static inline float qk_sigmoid(float x) {
  float e = qk_exp(-qk_abs(x));
  return (x < 0 ? e : 1.0f) / (1.0f + e);
}
