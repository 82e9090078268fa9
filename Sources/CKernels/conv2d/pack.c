// Convolution weights to their packed form.
#include "conv2d.h"

qk_status qk_conv2d_u8s8_packed_bytes(uint32_t isa, const qk_conv2d_shape *shape, size_t *bytes) {
  qk_conv2d_packed plan;
  qk_status status = qk_conv2d_plan(isa, shape, &plan);
  if (status != QK_OK) return status;
  *bytes = plan.panels_offset + plan.panels_bytes * (plan.depthwise ? 1 : shape->groups);
  return QK_OK;
}

/// Weights [out_channels, channels / groups, kernel_h, kernel_w] of one group, read as runs.
typedef struct group_filters {
  const int8_t *first;
  size_t channels, taps, taps_per_run;
} group_filters;

static int8_t filter_weight(const void *context, size_t column, size_t run, size_t i) {
  const group_filters *f = context;
  size_t tap = run * f->taps_per_run + i / f->channels, channel = i % f->channels;
  return f->first[(column * f->channels + channel) * f->taps + tap];
}

static void pack_direct(qk_conv2d_packed *packed, const int8_t *weights, const int32_t *bias,
                        const float *multiplier, uint8_t zero_point) {
  const qk_conv2d_shape *s = &packed->shape;
  group_filters filters = {weights, s->channels / s->groups, s->kernel_h * s->kernel_w, 0};
  filters.taps_per_run = packed->weights.run_length / filters.channels;

  int32_t *offsets = (int32_t *)(packed + 1);
  size_t row_width = packed->copied_width * s->channels;
  for (size_t run = 0; run < packed->weights.runs; run++) {
    size_t tap = run * filters.taps_per_run;
    size_t y = tap / s->kernel_w * s->dilation_h, x = tap % s->kernel_w * s->dilation_w;
    offsets[run] = (int32_t)(y * row_width + x * s->channels);
  }
  size_t n = packed->weights.n;
  char *panels = (char *)packed + packed->panels_offset;
  for (size_t g = 0; g < s->groups; g++, panels += packed->panels_bytes) {
    filters.first = weights + g * n * filters.channels * filters.taps;
    qk_gemm_pack_panels(&packed->weights, filter_weight, &filters, bias ? bias + g * n : NULL,
                        multiplier ? multiplier + g * n : NULL, zero_point, panels);
  }
}

qk_status qk_conv2d_u8s8_pack(uint32_t isa, const qk_conv2d_shape *shape, const int8_t *weights,
                              const int32_t *bias, const float *multiplier, uint8_t zero_point,
                              void *packed) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  qk_conv2d_packed *plan = packed;
  qk_status status = qk_conv2d_plan(isa, shape, plan);
  if (status != QK_OK) return status;
  if (multiplier && !qk_are_scales(multiplier, shape->out_channels)) return QK_BAD_SCALE;
  plan->zero_point = zero_point;
  if (plan->depthwise)
    qk_depthwise_pack(plan->depthwise, shape->channels, plan->repeats, shape->kernel_h * shape->kernel_w,
                      weights, bias, multiplier, zero_point, (char *)plan + plan->panels_offset);
  else
    pack_direct(plan, weights, bias, multiplier, zero_point);
  return QK_OK;
}
