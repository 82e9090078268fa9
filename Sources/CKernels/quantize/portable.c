#include "quantize.h"

#pragma STDC FP_CONTRACT OFF

void qk_quantize_ukernel__portable(const qk_quantizer *quantizer, size_t n, const float *x, uint8_t *y) {
  qk_quantize_elements(quantizer, n, x, y);
}

void qk_dequantize_ukernel__portable(float scale, int32_t zero_point, uint8_t flip, size_t n,
                                     const uint8_t *x, float *y) {
  qk_dequantize_elements(scale, zero_point, flip, n, x, y);
}

qk_minmax qk_minmax_f32_ukernel__portable(size_t n, const float *x) {
  qk_minmax result = {.min = INFINITY, .max = -INFINITY};
  qk_minmax_elements(&result, n, x);
  return result;
}
