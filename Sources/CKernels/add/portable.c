#include "add.h"

#pragma STDC FP_CONTRACT OFF

void qk_add_u8_ukernel__portable(const qk_add_u8_params *params, size_t n, const uint8_t *a, const uint8_t *b,
                                 uint8_t *y) {
  qk_add_u8_elements(params, n, a, b, y);
}
