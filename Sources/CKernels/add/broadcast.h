#pragma once
// One row of b for every row of a, for any operation on two bytes.
#include "qk_int8_elementwise.h"

typedef struct qk_binary_u8 {
  void (*run)(const void *context, size_t n, const uint8_t *a, const uint8_t *b, uint8_t *y);
  const void *context;
} qk_binary_u8;

/// y[rows, n] = operation on a[rows, n] and b[n]. `y` may be `a`.
qk_status qk_broadcast_u8(uint32_t isa, qk_binary_u8 operation, size_t rows, size_t n, const uint8_t *a,
                          const uint8_t *b, uint8_t *y);
