#include "layer_norm.h"

#pragma STDC FP_CONTRACT OFF

#define QK_LAYER_NORM_U8(isa, function) void function(const qk_layer_norm_rows *rows);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_layer_norm_u8_fn run;
} kernels[] = {
#define QK_LAYER_NORM_U8(isa, function) {isa, function},
#include "kernels.inc"
};

static qk_status prepare(float x_scale, float epsilon, qk_layer_norm_rows *rows) {
  size_t elements;
  if (rows->n > QK_MAX_DEPTH) return QK_TOO_DEEP;
  if (rows->n == 0 || rows->x_stride < rows->n || rows->y_stride < rows->n ||
      !qk_product(rows->count, rows->x_stride, &elements) ||
      !qk_product(rows->count, rows->y_stride, &elements))
    return QK_BAD_SIZE;
  if (!qk_is_scale(x_scale) || !qk_is_scale(epsilon)) return QK_BAD_SCALE;
  rows->epsilon = (double)epsilon / ((double)x_scale * (double)x_scale);
  return qk_is_scale((float)(1 / sqrt(rows->epsilon))) ? QK_OK : QK_BAD_SCALE;
}

/// Whether no |x[i]| is above `most`, and none is NaN.
static bool are_within(const float *x, size_t n, float most) {
  bool within = true;
  for (size_t i = 0; i < n; i++) within &= fabsf(x[i]) <= most;
  return within;
}

qk_status qk_layer_norm_u8(uint32_t isa, const qk_layer_norm_u8_params *p, size_t count, size_t n,
                           const float *gamma, const float *beta, const uint8_t *x, size_t x_stride,
                           uint8_t *y, size_t y_stride) {
  qk_layer_norm_rows rows = {.count = count,
                             .n = n,
                             .gamma = gamma,
                             .beta = beta,
                             .x = x,
                             .x_stride = x_stride,
                             .zero_point = p->zero_point,
                             .lo = p->lo,
                             .hi = p->hi,
                             .y = y,
                             .y_stride = y_stride};
  qk_status status = prepare(p->x_scale, p->epsilon, &rows);
  if (status != QK_OK) return status;
  if (p->lo > p->hi) return QK_BAD_RANGE;
  bool fits = are_within(gamma, n, QK_LAYER_NORM_MAX_GAMMA) && are_within(beta, n, QK_LAYER_NORM_MAX_GAMMA);
  QK_FIRST_RUNNABLE(kernels, fits ? isa : QK_PORTABLE)->run(&rows);
  return QK_OK;
}

qk_status qk_layer_norm_u8_f32(uint32_t isa, float x_scale, float epsilon, size_t count, size_t n,
                               const float *gamma, const float *beta, const uint8_t *x, size_t x_stride,
                               float *y, size_t y_stride) {
  qk_layer_norm_rows rows = {.count = count,
                             .n = n,
                             .gamma = gamma,
                             .beta = beta,
                             .x = x,
                             .x_stride = x_stride,
                             .floats = y,
                             .y_stride = y_stride};
  qk_status status = prepare(x_scale, epsilon, &rows);
  if (status == QK_OK) QK_FIRST_RUNNABLE(kernels, isa)->run(&rows);
  return status;
}
