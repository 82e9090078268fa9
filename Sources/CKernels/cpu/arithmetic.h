#pragma once
// The contract of qk_int8.h, one number at a time. Portable kernels call these; the others match them bit for
// bit.
#include <math.h>

#include "plain/requantize.h"
#include "qk_int8.h"

#pragma STDC FP_CONTRACT OFF

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
