#include "qk_int8_elementwise.h"

void qk_flip_sign_ukernel__portable(size_t n, const uint8_t *x, uint8_t *y) {
  for (size_t i = 0; i < n; i++) y[i] = x[i] ^ 0x80;
}
