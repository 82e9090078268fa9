#include "mul.h"

#pragma STDC FP_CONTRACT OFF

void qk_mul_u8_ukernel__portable(const qk_mul_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                                 uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    int32_t product = (a[i] - p->a_zero_point) * (b[i] - p->b_zero_point);
    y[i] = qk_requantize(product, p->multiplier, p->zero_point, p->lo, p->hi);
  }
}
