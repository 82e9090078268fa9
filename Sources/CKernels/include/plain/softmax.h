#pragma once
#include <stddef.h>

#include "requantize.h"

/// The sum of exponentials below `most`, the largest of x; `exponential` is e^-(d * x_scale) in units of
/// 2^-23 for each d.
static inline uint64_t qk_softmax_sum(const uint32_t exponential[256], size_t n, const uint8_t *x,
                                      uint8_t most) {
  uint64_t sum[4] = {0};
  size_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (size_t j = 0; j < 4; j++) sum[j] += exponential[most - x[i + j]];
  for (; i < n; i++) sum[0] += exponential[most - x[i]];
  return sum[0] + sum[1] + sum[2] + sum[3];
}

/// What requantizes the exponentials of a row. Sums are below 2^39.
static inline float qk_softmax_multiplier(float inverse_scale, uint64_t sum) {
  return inverse_scale / (float)(int64_t)sum;
}

/// One row of at least 1 number; `inverse_scale` is 1 over the scale of y, which may be x.
static inline void qk_softmax_elements(const uint32_t exponential[256], float inverse_scale,
                                       uint8_t zero_point, size_t n, const uint8_t *x, uint8_t *y) {
  uint8_t most = 0;
  for (size_t i = 0; i < n; i++) most = x[i] > most ? x[i] : most;
  float multiplier = qk_softmax_multiplier(inverse_scale, qk_softmax_sum(exponential, n, x, most));
  for (size_t i = 0; i < n; i++)
    y[i] = qk_requantize((int32_t)exponential[most - x[i]], multiplier, zero_point, 0, 255);
}
