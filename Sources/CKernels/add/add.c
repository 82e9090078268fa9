#include "add.h"

#define QK_ADD_U8(isa, function) \
  void function(const qk_add_u8_params *params, size_t n, const uint8_t *a, const uint8_t *b, uint8_t *y);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_add_u8_fn run;
} kernels[] = {
#define QK_ADD_U8(isa, function) {isa, function},
#include "kernels.inc"
};

qk_status qk_add_u8(uint32_t isa, const qk_add_u8_params *params, size_t n, const uint8_t *a,
                    const uint8_t *b, uint8_t *y) {
  if (!qk_is_scale(params->a_multiplier) || !qk_is_scale(params->b_multiplier)) return QK_BAD_SCALE;
  if (params->lo > params->hi) return QK_BAD_RANGE;
  QK_FIRST_RUNNABLE(kernels, isa)->run(params, n, a, b, y);
  return QK_OK;
}
