#include "lookup.h"

#define QK_LOOKUP_U8(isa, function) void function(const qk_rows_u8 *rows, const uint8_t table[256]);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_lookup_u8_fn run;
} kernels[] = {
#define QK_LOOKUP_U8(isa, function) {isa, function},
#include "kernels.inc"
};

qk_lookup_u8_fn qk_lookup_u8_kernel(uint32_t isa) { return QK_FIRST_RUNNABLE(kernels, isa)->run; }

void qk_lookup_u8(uint32_t isa, size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y) {
  qk_lookup_u8_kernel(isa)(&(qk_rows_u8){1, n, x, n, y, n}, table);
}

qk_status qk_requantize_table(uint8_t x_zero_point, float multiplier, uint8_t zero_point, uint8_t lo,
                              uint8_t hi, uint8_t table[256]) {
  if (!qk_is_scale(multiplier)) return QK_BAD_SCALE;
  if (lo > hi) return QK_BAD_RANGE;
  for (int32_t x = 0; x < 256; x++)
    table[x] = qk_requantize(x - x_zero_point, multiplier, zero_point, lo, hi);
  return QK_OK;
}
