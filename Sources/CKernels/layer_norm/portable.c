#include "layer_norm.h"

#pragma STDC FP_CONTRACT OFF

void qk_layer_norm_u8_ukernel__portable(const qk_layer_norm_rows *rows) {
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
