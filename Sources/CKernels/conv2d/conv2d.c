// Entry points of the convolution: sizes, plan, packing, and the choice between the two ways.
#include "conv2d.h"

#include <string.h>

/// Positions of a window of `kernel` taps along one side, or 0 where none fits.
static size_t positions(size_t size, size_t before, size_t after, size_t kernel, size_t stride,
                        size_t dilation) {
  size_t reach = dilation * (kernel - 1) + 1, padded = size + before + after;
  return padded < reach ? 0 : (padded - reach) / stride + 1;
}

qk_status qk_conv2d_output_size(const qk_conv2d_shape *s, size_t *height, size_t *width) {
  const size_t limit = (size_t)1 << 24;
  const size_t positive[] = {s->height,   s->width,      s->channels,  s->out_channels,
                             s->groups,   s->kernel_h,   s->kernel_w,  s->stride_h,
                             s->stride_w, s->dilation_h, s->dilation_w};
  const size_t pads[] = {s->pad_top, s->pad_left, s->pad_bottom, s->pad_right};
  for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
    if (positive[i] == 0 || positive[i] > limit) return QK_BAD_SIZE;
  for (size_t i = 0; i < sizeof pads / sizeof *pads; i++)
    if (pads[i] > limit) return QK_BAD_SIZE;
  if (s->channels % s->groups != 0 || s->out_channels % s->groups != 0) return QK_BAD_SIZE;
  if (s->kernel_h > QK_MAX_DEPTH || s->kernel_w > QK_MAX_DEPTH) return QK_TOO_DEEP;
  if (s->kernel_h * s->kernel_w * (s->channels / s->groups) > QK_MAX_DEPTH) return QK_TOO_DEEP;
  *height = positions(s->height, s->pad_top, s->pad_bottom, s->kernel_h, s->stride_h, s->dilation_h);
  *width = positions(s->width, s->pad_left, s->pad_right, s->kernel_w, s->stride_w, s->dilation_w);
  return *height == 0 || *width == 0 ? QK_BAD_SIZE : QK_OK;
}

static qk_status plan_direct(uint32_t isa, qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  size_t group_channels = s->channels / s->groups;
  bool row_is_one_run = s->groups == 1 && s->dilation_w == 1;
  qk_gemm_weights *weights = &plan->weights;
  weights->kernel = qk_gemm_kernel_for(isa);
  weights->n = s->out_channels / s->groups;
  weights->runs = row_is_one_run ? s->kernel_h : s->kernel_h * s->kernel_w;
  weights->run_length = row_is_one_run ? s->kernel_w * group_channels : group_channels;

  bool pads = s->pad_top || s->pad_left || s->pad_bottom || s->pad_right;
  plan->copies = pads || (weights->runs > 1 && weights->run_length % weights->kernel->depth != 0);
  plan->copied_height = s->height + s->pad_top + s->pad_bottom;
  plan->copied_width = s->width + s->pad_left + s->pad_right;
  size_t pixels, bytes;
  if (!qk_product(plan->copied_height, plan->copied_width, &pixels) ||
      !qk_product(pixels, s->channels, &bytes) || bytes > INT32_MAX)  // run offsets are 32 bits
    return QK_BAD_SIZE;
  plan->panels_bytes = qk_gemm_panels_bytes(weights);
  plan->panels_offset = qk_round_up(sizeof *plan + weights->runs * sizeof(int32_t), QK_ALIGNMENT);
  return QK_OK;
}

static void plan_depthwise(uint32_t isa, qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  plan->depthwise = qk_depthwise_kernel_for(isa);
  plan->panels_bytes = qk_depthwise_packed_bytes(plan->depthwise, s->channels, s->kernel_h * s->kernel_w);
  plan->panels_offset = sizeof *plan;
}

qk_status qk_conv2d_plan(uint32_t isa, const qk_conv2d_shape *shape, qk_conv2d_packed *plan) {
  memset(plan, 0, sizeof *plan);
  plan->shape = *shape;
  qk_status status = qk_conv2d_output_size(shape, &plan->out_height, &plan->out_width);
  if (status != QK_OK) return status;
  if (shape->groups == 1 || shape->groups != shape->channels || shape->out_channels != shape->channels)
    return plan_direct(isa, plan);
  plan_depthwise(isa, plan);
  return QK_OK;
}

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
    qk_depthwise_pack(plan->depthwise, shape->channels, shape->kernel_h * shape->kernel_w, weights, bias,
                      multiplier, zero_point, (char *)plan + plan->panels_offset);
  else
    pack_direct(plan, weights, bias, multiplier, zero_point);
  return QK_OK;
}

size_t qk_conv2d_u8s8_scratch_bytes(const void *packed) {
  const qk_conv2d_packed *plan = packed;
  return plan->depthwise ? qk_conv2d_depthwise_scratch_bytes(plan) : qk_conv2d_direct_scratch_bytes(plan);
}

qk_status qk_conv2d_u8s8(const void *packed, size_t batch, const uint8_t *x, const qk_output *output, void *y,
                         void *scratch) {
  const qk_conv2d_packed *plan = packed;
  if (!qk_is_aligned(packed) || !qk_is_aligned(scratch)) return QK_BAD_ALIGNMENT;
  qk_status status = qk_check_output(output);
  if (status != QK_OK) return status;
  if (plan->depthwise)
    qk_conv2d_depthwise(plan, batch, x, output, y, scratch);
  else
    qk_conv2d_direct(plan, batch, x, output, y, scratch);
  return QK_OK;
}
