#include "../cpu/select.h"
#include "qk_int8_elementwise.h"

#define QK_FLIP_SIGN(isa, function) void function(size_t n, const uint8_t *x, uint8_t *y);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  void (*run)(size_t n, const uint8_t *x, uint8_t *y);
} kernels[] = {
#define QK_FLIP_SIGN(isa, function) {isa, function},
#include "kernels.inc"
};

void qk_flip_sign(uint32_t isa, size_t n, const uint8_t *x, uint8_t *y) {
  QK_FIRST_RUNNABLE(kernels, isa)->run(n, x, y);
}
