#if defined(__aarch64__)
#include "../cpu/neon_table.h"
#include "lookup.h"

static void look_up_row(const qk_table_neon *table, size_t n, const uint8_t *x, uint8_t *y) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) vst1q_u8(y + i, qk_look_up_neon(table, vld1q_u8(x + i)));
  if (i < n) qk_store_bytes_neon(qk_look_up_neon(table, qk_load_bytes_neon(x + i, n - i)), n - i, y + i);
}

void qk_lookup_u8_ukernel__neon(const qk_rows_u8 *rows, const uint8_t table[256]) {
  if (rows->n * rows->count < 16) {  // not worth loading the table
    qk_look_up_elements(rows, table);
    return;
  }
  const qk_table_neon entries = qk_load_table_neon(table);
  for (size_t r = 0; r < rows->count; r++)
    look_up_row(&entries, rows->n, rows->x + r * rows->x_stride, rows->y + r * rows->y_stride);
}
#endif
