#pragma once
#include <stddef.h>

#include "requantize.h"

/// y = clamp(rne(f32((a - za) * (b - zb)) * m) + zy, lo, hi) with m = sa * sb / sy; the integer product is
/// exact.
typedef struct qk_mul_u8_params {
  float multiplier;
  uint8_t a_zero_point, b_zero_point, zero_point, lo, hi;
} qk_mul_u8_params;

static inline void qk_mul_elements(const qk_mul_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                                   uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    int32_t product = (int32_t)(a[i] - p->a_zero_point) * (b[i] - p->b_zero_point);
    y[i] = qk_requantize(product, p->multiplier, p->zero_point, p->lo, p->hi);
  }
}
