#pragma once
#include <stddef.h>

#include "requantize.h"

/// A layer with weights: row-major, and what becomes of its sums. Where `is_float`, f32(sum) * multiplier.
typedef struct qk_layer {
  const int8_t *weights;
  const int32_t *bias;      // of each output, less x_zero_point times the sum of its weights
  const float *multiplier;  // of each output
  uint8_t x_zero_point, is_float, zero_point, lo, hi;
} qk_layer;

/// y[index] = what becomes of the sum of x * w of that output. Sums with a bias wrap modulo 2^32.
static inline void qk_layer_store(const qk_layer *layer, size_t output, int32_t sum, void *y, size_t index) {
  int32_t acc = (int32_t)((uint32_t)layer->bias[output] + (uint32_t)sum);
  float multiplier = layer->multiplier[output];
  if (layer->is_float)
    ((float *)y)[index] = (float)acc * multiplier;
  else
    ((uint8_t *)y)[index] = qk_requantize(acc, multiplier, layer->zero_point, layer->lo, layer->hi);
}
