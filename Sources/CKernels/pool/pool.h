#pragma once
// Inside of pooling. A window, once clipped to the image, is a grid of pixels of `channels` bytes each.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"

typedef struct qk_window {
  const uint8_t *first;
  size_t rows, columns;
  size_t row_step, column_step;  // in bytes
  size_t channels;
} qk_window;

/// How a window's sum becomes a byte: requantize(sum + bias, multiplier).
typedef struct qk_window_average {
  int32_t bias;      // -pixels * zx
  float multiplier;  // sx / sy / count
  uint8_t zero_point, lo, hi;
} qk_window_average;

typedef void (*qk_window_max_fn)(const qk_window *window, uint8_t *y);
typedef void (*qk_window_average_fn)(const qk_window *window, const qk_window_average *average, uint8_t *y);

typedef struct qk_pool_kernel {
  uint32_t isa;
  qk_window_max_fn max;
  qk_window_average_fn average;
} qk_pool_kernel;
