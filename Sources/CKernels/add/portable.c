#include "add.h"

#pragma STDC FP_CONTRACT OFF

void qk_add_u8_ukernel__portable(const qk_add_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                                 uint8_t *y) {
  for (size_t i = 0; i < n; i++) {
    float left = (float)(a[i] - p->a_zero_point) * p->a_multiplier;
    float right = (float)(b[i] - p->b_zero_point) * p->b_multiplier;
    y[i] = (uint8_t)qk_saturate(left + right, p->zero_point, p->lo, p->hi);
  }
}
