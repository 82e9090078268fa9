#pragma once
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "plain/softmax.h"
#include "qk_int8_elementwise.h"

typedef struct qk_softmax_rows {
  size_t count, n;
  const uint8_t *x;
  size_t x_stride;
  const uint32_t *valid;  // may be NULL
  uint8_t *y;
  size_t y_stride;
} qk_softmax_rows;

/// One row: the columns that count, at least 1 of them. `y` may be `x`.
typedef struct qk_softmax_row {
  size_t n;
  const uint8_t *x;
  uint8_t *y;
} qk_softmax_row;

static inline qk_softmax_row qk_softmax_row_at(const qk_softmax_rows *rows, size_t r) {
  return (qk_softmax_row){rows->valid ? rows->valid[r] : rows->n, rows->x + r * rows->x_stride,
                          rows->y + r * rows->y_stride};
}

/// Rows without columns that count are passed over, and so are the other columns.
typedef void (*qk_softmax_u8_fn)(const qk_softmax_u8_table *table, const qk_softmax_rows *rows);
