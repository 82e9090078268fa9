#pragma once
#include "softmax.h"

/// Softmax of each row of x [rows, n].
static inline void qk_softmax_rows_each(const uint32_t exponential[256], float inverse_scale,
                                        uint8_t zero_point, size_t rows, size_t n, const uint8_t *x,
                                        uint8_t *y) {
  for (size_t r = 0; r < rows; r++)
    qk_softmax_elements(exponential, inverse_scale, zero_point, n, x + r * n, y + r * n);
}
