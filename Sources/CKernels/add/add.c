#include "add.h"

#include "broadcast.h"

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

typedef struct sum {
  qk_add_u8_fn run;
  const qk_add_u8_params *params;
} sum;

static qk_status prepare(uint32_t isa, const qk_add_u8_params *params, sum *sum) {
  if (!qk_is_scale(params->a_multiplier) || !qk_is_scale(params->b_multiplier)) return QK_BAD_SCALE;
  if (params->lo > params->hi) return QK_BAD_RANGE;
  bool fits = params->a_multiplier <= QK_ADD_MAX_MULTIPLIER && params->b_multiplier <= QK_ADD_MAX_MULTIPLIER;
  sum->run = QK_FIRST_RUNNABLE(kernels, fits ? isa : QK_PORTABLE)->run;
  sum->params = params;
  return QK_OK;
}

static void add(const void *context, size_t n, const uint8_t *a, const uint8_t *b, uint8_t *y) {
  const sum *s = context;
  s->run(s->params, n, a, b, y);
}

qk_status qk_add_u8(uint32_t isa, const qk_add_u8_params *params, size_t n, const uint8_t *a,
                    const uint8_t *b, uint8_t *y) {
  sum sum;
  qk_status status = prepare(isa, params, &sum);
  if (status == QK_OK) add(&sum, n, a, b, y);
  return status;
}

qk_status qk_add_u8_broadcast(uint32_t isa, const qk_add_u8_params *params, size_t rows, size_t n,
                              const uint8_t *a, const uint8_t *b, uint8_t *y) {
  sum sum;
  qk_status status = prepare(isa, params, &sum);
  if (status != QK_OK) return status;
  return qk_broadcast_u8(isa, (qk_binary_u8){add, &sum}, rows, n, a, b, y);
}
