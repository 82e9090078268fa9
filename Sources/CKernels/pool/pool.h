#pragma once
// Inside of pooling. A window, once clipped to the image, is a grid of pixels of `channels` bytes each.
// Kernels take windows of one size side by side; their outputs follow one another.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"

typedef struct qk_windows {
  size_t count, step;    // bytes from one window to the next
  const uint8_t *first;  // pixel of the first window
  size_t rows, columns;
  size_t row_step, column_step;  // in bytes
  size_t channels;
} qk_windows;

/// How a window's sum becomes a byte: requantize(sum + bias, multiplier).
typedef struct qk_window_average {
  int32_t bias;      // -pixels * zx
  float multiplier;  // sx / sy / count
  uint8_t zero_point, lo, hi;
} qk_window_average;

typedef void (*qk_max_windows_fn)(const qk_windows *windows, uint8_t *y);
typedef void (*qk_average_windows_fn)(const qk_windows *windows, const qk_window_average *average,
                                      uint8_t *y);

typedef struct qk_pool_kernel {
  uint32_t isa;
  qk_max_windows_fn max;
  qk_average_windows_fn average;
} qk_pool_kernel;
