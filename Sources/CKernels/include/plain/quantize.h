#pragma once
#include <stddef.h>

#include "arithmetic.h"

/// One scale and zero point, and the bytes it may give.
typedef struct qk_quantizer {
  float scale;
  int32_t zero_point, lo, hi;
} qk_quantizer;

/// y[i] = low byte of clamp(rne(x[i] / scale) + zero_point, lo, hi): right for u8 and for s8.
static inline void qk_quantize_elements(const qk_quantizer *q, size_t n, const float *x, uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = (uint8_t)qk_saturate(x[i] / q->scale, q->zero_point, q->lo, q->hi);
}
