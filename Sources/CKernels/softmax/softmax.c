#include "softmax.h"

#include <string.h>

#define QK_SOFTMAX_U8(isa, function) \
  void function(const qk_softmax_u8_table *table, const qk_softmax_rows *rows);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_softmax_u8_fn run;
} kernels[] = {
#define QK_SOFTMAX_U8(isa, function) {isa, function},
#include "kernels.inc"
};

static qk_status check(const qk_softmax_rows *rows) {
  size_t elements;
  if (rows->n > QK_MAX_DEPTH) return QK_TOO_DEEP;
  if (rows->x_stride < rows->n || rows->y_stride < rows->n ||
      !qk_product(rows->count, rows->x_stride, &elements) ||
      !qk_product(rows->count, rows->y_stride, &elements))
    return QK_BAD_SIZE;
  for (size_t r = 0; rows->valid && r < rows->count; r++)
    if (rows->valid[r] > rows->n) return QK_BAD_SIZE;
  return QK_OK;
}

qk_status qk_softmax_u8(uint32_t isa, const qk_softmax_u8_table *table, size_t count, size_t n,
                        const uint8_t *x, size_t x_stride, const uint32_t *valid, uint8_t *y,
                        size_t y_stride) {
  const qk_softmax_rows rows = {count, n, x, x_stride, valid, y, y_stride};
  qk_status status = check(&rows);
  if (status != QK_OK || n == 0) return status;
  QK_FIRST_RUNNABLE(kernels, isa)->run(table, &rows);
  for (size_t r = 0; valid && r < count; r++)
    memset(y + r * y_stride + valid[r], table->zero_point, n - valid[r]);
  return QK_OK;
}
