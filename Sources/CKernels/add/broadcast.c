#include "broadcast.h"

#include <string.h>

#include "../cpu/arithmetic.h"

/// A single number on the right leaves a function of one byte.
static void run_scalar(uint32_t isa, qk_binary_u8 operation, size_t n, const uint8_t *a, uint8_t b,
                       uint8_t *y) {
  uint8_t every[256], right[256], table[256];
  for (int i = 0; i < 256; i++) every[i] = (uint8_t)i;
  memset(right, b, sizeof right);
  operation.run(operation.context, 256, every, right, table);
  qk_lookup_u8(isa, n, a, table, y);
}

/// As many rows at once as copies of a short `b` fit beside each other.
static void run_short(qk_binary_u8 operation, size_t rows, size_t n, const uint8_t *a, const uint8_t *b,
                      uint8_t *y) {
  uint8_t copies[1024];
  size_t count = sizeof copies / n;
  if (count > rows) count = rows;
  for (size_t i = 0; i < count; i++) memcpy(copies + i * n, b, n);
  for (size_t row = 0; row < rows; row += count) {
    if (count > rows - row) count = rows - row;
    operation.run(operation.context, count * n, a + row * n, copies, y + row * n);
  }
}

qk_status qk_broadcast_u8(uint32_t isa, qk_binary_u8 operation, size_t rows, size_t n, const uint8_t *a,
                          const uint8_t *b, uint8_t *y) {
  size_t elements;
  if (!qk_product(rows, n, &elements)) return QK_BAD_SIZE;
  if (elements == 0) return QK_OK;
  if (n == 1) {
    run_scalar(isa, operation, rows, a, *b, y);
  } else if (n <= 512) {
    run_short(operation, rows, n, a, b, y);
  } else {
    for (size_t row = 0; row < rows; row++) operation.run(operation.context, n, a + row * n, b, y + row * n);
  }
  return QK_OK;
}
