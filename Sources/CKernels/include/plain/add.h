#pragma once
#include <stddef.h>

#include "arithmetic.h"

/// y = clamp(rne((a - za) * ma + (b - zb) * mb) + zy, lo, hi) with ma = sa / sy, mb = sb / sy: both products
/// are rounded, then their sum is, then saturation and rounding as in the contract.
typedef struct qk_add_u8_params {
  float a_multiplier, b_multiplier;
  uint8_t a_zero_point, b_zero_point, zero_point, lo, hi;
} qk_add_u8_params;

static inline void qk_add_elements(const qk_add_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                                   uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    float left = (float)(a[i] - p->a_zero_point) * p->a_multiplier;
    float right = (float)(b[i] - p->b_zero_point) * p->b_multiplier;
    y[i] = (uint8_t)qk_saturate(left + right, p->zero_point, p->lo, p->hi);
  }
}
