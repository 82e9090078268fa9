#pragma once
#include <math.h>
#include <stddef.h>

#include "arithmetic.h"

/// What a row is brought to mean 0 and variance 1 with: ((x - whole) - fraction) * scale.
typedef struct qk_row_norm {
  uint8_t whole;  // the mean rounded down
  float fraction, scale;
} qk_row_norm;

/// Rows to normalize. Where `y` is NULL the floats go to `floats`.
typedef struct qk_layer_norm_rows {
  size_t count, n;
  double epsilon;  // in units of the square of the scale of x
  const float *gamma, *beta;
  const uint8_t *x;
  size_t x_stride;
  uint8_t zero_point, lo, hi;
  uint8_t *y;
  float *floats;
  size_t y_stride;
} qk_layer_norm_rows;

/// From the exact sums of a row's x and x^2. n^2 times the variance is an integer below 2^48.
static inline qk_row_norm qk_row_norm_of(size_t n, uint32_t sum, uint64_t sum_of_squares, double epsilon) {
  const uint32_t columns = (uint32_t)n, whole = sum / columns;
  double variance = (double)(int64_t)(n * sum_of_squares - (uint64_t)sum * sum) / ((double)n * (double)n);
  qk_row_norm norm = {(uint8_t)whole, (float)(int32_t)(sum - whole * columns) / (float)(int32_t)n,
                      (float)(1 / sqrt(variance + epsilon))};
  return norm;
}

static inline float qk_normalize(qk_row_norm norm, uint8_t x, float gamma, float beta) {
  return ((float)(x - norm.whole) - norm.fraction) * norm.scale * gamma + beta;
}

/// Columns from `start`, one at a time.
static inline void qk_layer_norm_columns(const qk_layer_norm_rows *rows, qk_row_norm norm, size_t r,
                                         size_t start) {
  const uint8_t *x = rows->x + r * rows->x_stride;
  const float *gamma = rows->gamma, *beta = rows->beta;
  const int32_t zero_point = rows->zero_point, lo = rows->lo, hi = rows->hi;
  const size_t n = rows->n;
  if (rows->y) {
    uint8_t *y = rows->y + r * rows->y_stride;
    for (size_t i = start; i < n; i++)
      y[i] = (uint8_t)qk_saturate(qk_normalize(norm, x[i], gamma[i], beta[i]), zero_point, lo, hi);
  } else {
    float *y = rows->floats + r * rows->y_stride;
    for (size_t i = start; i < n; i++) y[i] = qk_normalize(norm, x[i], gamma[i], beta[i]);
  }
}

static inline void qk_layer_norm_each(const qk_layer_norm_rows *rows) {
  for (size_t r = 0; r < rows->count; r++) {
    const uint8_t *x = rows->x + r * rows->x_stride;
    uint32_t sum = 0;
    uint64_t squares = 0;
    for (size_t i = 0; i < rows->n; i++) {
      sum += x[i];
      squares += (uint32_t)x[i] * x[i];
    }
    qk_layer_norm_columns(rows, qk_row_norm_of(rows->n, sum, squares, rows->epsilon), r, 0);
  }
}
