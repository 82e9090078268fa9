#include "softmax.h"

#pragma STDC FP_CONTRACT OFF

static void softmax(const qk_softmax_u8_table *table, qk_softmax_row row) {
  uint8_t most = 0;
  for (size_t i = 0; i < row.n; i++) most = row.x[i] > most ? row.x[i] : most;
  float multiplier = qk_softmax_multiplier(table, qk_softmax_sum(table, row.n, row.x, most));
  for (size_t i = 0; i < row.n; i++) {
    int32_t exponential = (int32_t)table->exponential[most - row.x[i]];
    row.y[i] = qk_requantize(exponential, multiplier, table->zero_point, 0, 255);
  }
}

void qk_softmax_u8_ukernel__portable(const qk_softmax_u8_table *table, const qk_softmax_rows *rows) {
  for (size_t r = 0; r < rows->count; r++) {
    qk_softmax_row row = qk_softmax_row_at(rows, r);
    if (row.n > 0) softmax(table, row);
  }
}
