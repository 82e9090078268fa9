#include "../cpu/arithmetic.h"
#include "../cpu/select.h"

#define QK_LOOKUP_U8(isa, function) \
  void function(size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  void (*run)(size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y);
} kernels[] = {
#define QK_LOOKUP_U8(isa, function) {isa, function},
#include "kernels.inc"
};

void qk_lookup_u8(uint32_t isa, size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y) {
  QK_FIRST_RUNNABLE(kernels, isa)->run(n, x, table, y);
}

qk_status qk_requantize_table(uint8_t x_zero_point, float multiplier, uint8_t zero_point, uint8_t lo,
                              uint8_t hi, uint8_t table[256]) {
  if (!qk_is_scale(multiplier)) return QK_BAD_SCALE;
  if (lo > hi) return QK_BAD_RANGE;
  for (int32_t x = 0; x < 256; x++)
    table[x] = qk_requantize(x - x_zero_point, multiplier, zero_point, lo, hi);
  return QK_OK;
}

void qk_flip_sign(size_t n, const uint8_t *x, uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = x[i] ^ 0x80;
}
