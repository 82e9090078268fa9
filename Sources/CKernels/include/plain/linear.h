#pragma once
#include "product.h"

/// y [rows, outputs] = x [rows, depth] times the transpose of weights [outputs, depth].
static inline void qk_linear_rows(const qk_layer *layer, size_t rows, size_t depth, size_t outputs,
                                  const uint8_t *x, void *y) {
  for (size_t r = 0; r < rows; r++) qk_layer_outputs(layer, depth, 0, outputs, x + r * depth, y, r * outputs);
}
