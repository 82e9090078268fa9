#include "add.h"

void qk_add_u8_ukernel__portable(const qk_add_u8_params *p, size_t n, const uint8_t *a, const uint8_t *b,
                                 uint8_t *y) {
  qk_add_elements(p, n, a, b, y);
}
