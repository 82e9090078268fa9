#pragma once
#include <string.h>

#include "lookup.h"

/// Rows of one input of a concatenation. `table` is NULL where its bytes stay as they are.
static inline void qk_concat_rows(const qk_rows_u8 *rows, const uint8_t *table) {
  if (table) {
    qk_look_up_elements(rows, table);
    return;
  }
  for (size_t r = 0; r < rows->count; r++)
    memcpy(rows->y + r * rows->y_stride, rows->x + r * rows->x_stride, rows->n);
}
