#include <string.h>

#include "../lookup/lookup.h"

/// Rows of a few vectors are moved 16 bytes at a time, the last ones overlapping, without a call for each.
static void copy_row(size_t n, const uint8_t *x, uint8_t *y) {
  if (n < 16 || n > 256) {
    memcpy(y, x, n);
    return;
  }
  for (size_t i = 0; i + 16 <= n; i += 16) memcpy(y + i, x + i, 16);
  memcpy(y + n - 16, x + n - 16, 16);
}

static void put_part(uint32_t isa, const qk_concat_u8_part *part, size_t rows, uint8_t *y, size_t y_stride) {
  if (part->table) {
    const qk_rows_u8 through = {rows, part->n, part->x, part->x_stride, y, y_stride};
    qk_lookup_u8_kernel(isa)(&through, part->table);
  } else {
    for (size_t r = 0; r < rows; r++) copy_row(part->n, part->x + r * part->x_stride, y + r * y_stride);
  }
}

/// Whether the parts lie within memory and their rows within the rows of y.
static bool fit(size_t rows, size_t count, const qk_concat_u8_part *parts, size_t y_stride) {
  size_t bytes, n = 0;
  if (!qk_product(rows, y_stride, &bytes)) return false;
  for (size_t i = 0; i < count; i++) {
    if (parts[i].x_stride < parts[i].n || !qk_product(rows, parts[i].x_stride, &bytes)) return false;
    if (parts[i].n > y_stride - n) return false;
    n += parts[i].n;
  }
  return true;
}

qk_status qk_concat_u8(uint32_t isa, size_t rows, size_t count, const qk_concat_u8_part *parts, uint8_t *y,
                       size_t y_stride) {
  if (!fit(rows, count, parts, y_stride)) return QK_BAD_SIZE;
  for (size_t i = 0; i < count; y += parts[i].n, i++) put_part(isa, &parts[i], rows, y, y_stride);
  return QK_OK;
}
