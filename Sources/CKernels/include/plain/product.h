#pragma once
#include "layer.h"

/// y[index...] = outputs first..<first + count of weights [outputs, depth] times x [depth], four at a time.
static inline void qk_layer_outputs(const qk_layer *layer, size_t depth, size_t first, size_t count,
                                    const uint8_t *x, void *y, size_t index) {
  const int8_t *w = layer->weights + first * depth;
  size_t n = 0;
  for (; n + 4 <= count; n += 4, w += 4 * depth) {
    const int8_t *w1 = w + depth, *w2 = w1 + depth, *w3 = w2 + depth;
    int32_t sums[4] = {0};
    for (size_t k = 0; k < depth; k++) {
      const int32_t a = x[k];
      sums[0] += a * w[k];
      sums[1] += a * w1[k];
      sums[2] += a * w2[k];
      sums[3] += a * w3[k];
    }
    for (size_t i = 0; i < 4; i++) qk_layer_store(layer, first + n + i, sums[i], y, index + n + i);
  }
  for (size_t left = count % 4; left > 0; left--, n++, w += depth) {
    int32_t sum = 0;
    for (size_t k = 0; k < depth; k++) sum += (int32_t)x[k] * w[k];
    qk_layer_store(layer, first + n, sum, y, index + n);
  }
}
