#pragma once
#include <stddef.h>
#include <stdint.h>

/// Rows of bytes and where what becomes of them goes; `y` may be `x`.
typedef struct qk_rows_u8 {
  size_t count, n;
  const uint8_t *x;
  size_t x_stride;
  uint8_t *y;
  size_t y_stride;
} qk_rows_u8;

/// y[r, i] = table[x[r, i]].
static inline void qk_look_up_elements(const qk_rows_u8 *rows, const uint8_t table[256]) {
  for (size_t r = 0; r < rows->count; r++) {
    const uint8_t *x = rows->x + r * rows->x_stride;
    uint8_t *y = rows->y + r * rows->y_stride;
    for (size_t i = 0; i < rows->n; i++) y[i] = table[x[i]];
  }
}
