#pragma once
#include <stddef.h>
#include <stdint.h>

#include "compiler.h"

/// y[i] = f32((x[i] ^ flip) - zero_point) * scale. For s8, flip is 0x80 and the zero point 128 higher.
static inline void qk_dequantize_elements(float scale, int32_t zero_point, uint8_t flip, size_t n,
                                          const uint8_t *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = (float)((x[i] ^ flip) - zero_point) * scale;
}
