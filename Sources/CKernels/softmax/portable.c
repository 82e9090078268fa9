#include "softmax.h"

void qk_softmax_u8_ukernel__portable(const qk_softmax_u8_table *table, const qk_softmax_rows *rows) {
  for (size_t r = 0; r < rows->count; r++) {
    qk_softmax_row row = qk_softmax_row_at(rows, r);
    if (row.n > 0)
      qk_softmax_elements(table->exponential, table->inverse_scale, table->zero_point, row.n, row.x, row.y);
  }
}
