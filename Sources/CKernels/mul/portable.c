#include "mul.h"

void qk_mul_u8_ukernel__portable(const qk_mul_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                                 uint8_t *y) {
  qk_mul_elements(p, n, a, b, y);
}
