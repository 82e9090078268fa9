#include "mul.h"

#include "../add/broadcast.h"

#define QK_MUL_U8(isa, function) \
  void function(const qk_mul_u8_params *params, size_t n, const uint8_t *a, const uint8_t *b, uint8_t *y);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_mul_u8_fn run;
} kernels[] = {
#define QK_MUL_U8(isa, function) {isa, function},
#include "kernels.inc"
};

typedef struct product {
  qk_mul_u8_fn run;
  qk_mul_u8_params params;
} product;

static qk_status prepare(uint32_t isa, const qk_mul_u8_params *params, product *product) {
  if (!qk_is_scale(params->multiplier)) return QK_BAD_SCALE;
  if (params->lo > params->hi) return QK_BAD_RANGE;
  product->run = QK_FIRST_RUNNABLE(kernels, isa)->run;
  product->params = *params;
  if (params->multiplier > QK_MUL_MAX_MULTIPLIER) product->params.multiplier = QK_MUL_MAX_MULTIPLIER;
  return QK_OK;
}

static void multiply(const void *context, size_t n, const uint8_t *a, const uint8_t *b, uint8_t *y) {
  const product *p = context;
  p->run(&p->params, n, a, b, y);
}

qk_status qk_mul_u8(uint32_t isa, const qk_mul_u8_params *params, size_t n, const uint8_t *a,
                    const uint8_t *b, uint8_t *y) {
  product product;
  qk_status status = prepare(isa, params, &product);
  if (status == QK_OK) multiply(&product, n, a, b, y);
  return status;
}

qk_status qk_mul_u8_broadcast(uint32_t isa, const qk_mul_u8_params *params, size_t rows, size_t n,
                              const uint8_t *a, const uint8_t *b, uint8_t *y) {
  product product;
  qk_status status = prepare(isa, params, &product);
  if (status != QK_OK) return status;
  return qk_broadcast_u8(isa, (qk_binary_u8){multiply, &product}, rows, n, a, b, y);
}
