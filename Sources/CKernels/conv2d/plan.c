// Sizes of a convolution, and the plan made of them: which way, which kernel, what is copied.
#include <string.h>

#include "conv2d.h"

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

static void plan_direct(uint32_t isa, qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  size_t group_channels = s->channels / s->groups;
  bool row_is_one_run = s->groups == 1 && s->dilation_w == 1;
  qk_gemm_weights *weights = &plan->weights;
  weights->kernel = qk_gemm_kernel_for(isa);
  weights->n = s->out_channels / s->groups;
  weights->runs = row_is_one_run ? s->kernel_h : s->kernel_h * s->kernel_w;
  weights->run_length = row_is_one_run ? s->kernel_w * group_channels : group_channels;
  plan->copies |= weights->runs > 1 && weights->run_length % weights->kernel->depth != 0;
  plan->panels_bytes = qk_gemm_panels_bytes(weights);
  plan->panels_offset = qk_round_up(sizeof *plan + weights->runs * sizeof(int32_t), QK_ALIGNMENT);
}

static void plan_depthwise(uint32_t isa, qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  plan->depthwise = qk_depthwise_kernel_for(isa);
  // With stride 1, neighbouring pixels and their windows lie side by side, as more channels would.
  bool fits_more = s->stride_w == 1 && 2 * s->channels <= plan->depthwise->block;
  plan->repeats = fits_more ? plan->depthwise->block / s->channels : 1;
  plan->panels_bytes =
      qk_depthwise_packed_bytes(plan->depthwise, s->channels * plan->repeats, s->kernel_h * s->kernel_w);
  plan->panels_offset = sizeof *plan;
}

qk_status qk_conv2d_plan(uint32_t isa, const qk_conv2d_shape *s, qk_conv2d_packed *plan) {
  memset(plan, 0, sizeof *plan);
  plan->shape = *s;
  qk_status status = qk_conv2d_output_size(s, &plan->out_height, &plan->out_width);
  if (status != QK_OK) return status;
  plan->copies = s->pad_top || s->pad_left || s->pad_bottom || s->pad_right;
  plan->copied_height = s->height + s->pad_top + s->pad_bottom;
  plan->copied_width = s->width + s->pad_left + s->pad_right;
  size_t pixels, bytes;
  if (!qk_product(plan->copied_height, plan->copied_width, &pixels) ||
      !qk_product(pixels, s->channels, &bytes) || bytes > INT32_MAX)  // run offsets are 32 bits
    return QK_BAD_SIZE;
  if (s->groups > 1 && s->groups == s->channels && s->out_channels == s->channels)
    plan_depthwise(isa, plan);
  else
    plan_direct(isa, plan);
  return QK_OK;
}
