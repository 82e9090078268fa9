// Sizes of a convolution, and the plan made of them: which way, which kernel, what is copied.
#include <string.h>

#include "conv2d.h"

#define QK_CONV2D_U8S8(isa, mr, nr, narrow_mr, narrow_nr, kr, function) \
  void function(const qk_conv2d_tiles *tiles);
#include "kernels.inc"

static const qk_conv2d_kernel kernels[] = {
#define QK_CONV2D_U8S8(isa, mr, nr, narrow_mr, narrow_nr, kr, function) \
  {isa, mr, nr, narrow_mr, narrow_nr, kr, function},
#include "kernels.inc"
    {0},
};

const qk_conv2d_kernel *qk_conv2d_kernel_for(uint32_t isa) {
  const qk_conv2d_kernel *kernel = kernels;
  while (kernel->isa & ~isa) kernel++;
  return kernel->run ? kernel : NULL;
}

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

/// What the copy of an image adds to it: nothing, or the padding beside it, or also that above and below.
static void plan_copy(qk_conv2d_packed *plan, bool beside, bool above) {
  const qk_conv2d_shape *s = &plan->shape;
  plan->copied_left = beside ? s->pad_left : 0;
  plan->copied_top = above ? s->pad_top : 0;
  plan->copied_width = s->width + (beside ? s->pad_left + s->pad_right : 0);
  plan->copied_height = s->height + (above ? s->pad_top + s->pad_bottom : 0);
}

static void plan_windows(uint32_t isa, qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  size_t group_channels = s->channels / s->groups;
  qk_gemm_weights *weights = &plan->weights;
  weights->kernel = qk_gemm_kernel_for(isa);
  weights->n = s->out_channels / s->groups;
  weights->runs = plan->row_is_one_run ? s->kernel_h : s->kernel_h * s->kernel_w;
  weights->run_length = plan->row_is_one_run ? s->kernel_w * group_channels : group_channels;
  plan->copies |= weights->runs > 1 && weights->run_length % weights->kernel->depth != 0;
  plan->panels_bytes = qk_gemm_panels_bytes(weights);
  plan->panels_offset = qk_round_up(sizeof *plan + weights->runs * sizeof(int32_t), QK_ALIGNMENT);
}

static void plan_direct(qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  size_t depth = plan->direct->depth, channels = s->channels / s->groups;
  bool whole_steps = channels % depth == 0;
  plan->tap_steps = qk_round_up(channels, depth) / depth;
  plan->row_steps = s->kernel_w * plan->tap_steps;
  if (plan->row_is_one_run) plan->row_steps = qk_round_up(s->kernel_w * channels, depth) / depth;

  // Steps that hold bytes of two taps cannot leave one of them out, and the last step reads past its run.
  qk_conv2d_span spans[QK_CONV2D_SPANS];
  plan->copies = !whole_steps;
  plan_copy(plan, plan->copies, false);
  qk_conv2d_side rows = qk_conv2d_row_side(plan), columns = qk_conv2d_column_side(plan);
  plan->row_spans = qk_conv2d_side_spans(&rows, QK_CONV2D_SPANS, spans);
  plan->column_spans = qk_conv2d_side_spans(&columns, QK_CONV2D_SPANS, spans);
  if (plan->row_spans > QK_CONV2D_SPANS || plan->column_spans > QK_CONV2D_SPANS) {
    plan->copies = true;
    plan_copy(plan, true, true);
    plan->row_spans = plan->column_spans = 1;
  }
  size_t tables = (plan->row_spans + plan->column_spans) * sizeof(qk_conv2d_span);
  plan->panels_offset = qk_round_up(sizeof *plan + tables, QK_ALIGNMENT);
  size_t columns_left = s->out_channels / s->groups;
  for (size_t first = 0; first < columns_left; first += qk_conv2d_panel_width(plan, first))
    plan->panels_bytes += qk_conv2d_panel_bytes(plan, qk_conv2d_panel_width(plan, first));
}

qk_conv2d_side qk_conv2d_row_side(const qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  return (qk_conv2d_side){plan->copied_height, s->pad_top - plan->copied_top,
                          s->kernel_h,         s->stride_h,
                          s->dilation_h,       plan->out_height};
}

qk_conv2d_side qk_conv2d_column_side(const qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  return (qk_conv2d_side){plan->copied_width, s->pad_left - plan->copied_left,
                          s->kernel_w,        s->stride_w,
                          s->dilation_w,      plan->out_width};
}

size_t qk_conv2d_panel_width(const qk_conv2d_packed *plan, size_t first) {
  const qk_conv2d_kernel *kernel = plan->direct;
  size_t left = plan->shape.out_channels / plan->shape.groups - first;
  return left <= kernel->narrow_columns ? kernel->narrow_columns : kernel->columns;
}

size_t qk_conv2d_panel_bytes(const qk_conv2d_packed *plan, size_t width) {
  size_t biases = plan->row_spans * plan->column_spans;
  size_t depth = plan->shape.kernel_h * plan->row_steps * plan->direct->depth;
  return qk_round_up(width * (sizeof(float) + biases * sizeof(int32_t) + depth), QK_ALIGNMENT);
}

static void plan_depthwise(uint32_t isa, qk_conv2d_packed *plan) {
  const qk_conv2d_shape *s = &plan->shape;
  plan->depthwise = qk_depthwise_kernel_for(isa);
  plan->panels_offset = sizeof *plan;
  plan->quads = qk_quads_plan_for(isa, s, plan->out_width);
  if (plan->quads.kernel) {
    plan->copies = false;
    plan->panels_bytes = qk_quads_packed_bytes(&plan->quads, s);
    return;
  }
  // With stride 1, neighbouring pixels and their windows lie side by side, as more channels would.
  bool fits_more = s->stride_w == 1 && 2 * s->channels <= plan->depthwise->block;
  plan->repeats = fits_more ? plan->depthwise->block / s->channels : 1;
  plan->panels_bytes =
      qk_depthwise_packed_bytes(plan->depthwise, s->channels * plan->repeats, s->kernel_h * s->kernel_w);
}

qk_status qk_conv2d_plan(uint32_t isa, const qk_conv2d_shape *s, qk_conv2d_packed *plan) {
  memset(plan, 0, sizeof *plan);
  plan->shape = *s;
  qk_status status = qk_conv2d_output_size(s, &plan->out_height, &plan->out_width);
  if (status != QK_OK) return status;
  plan->copies = s->pad_top || s->pad_left || s->pad_bottom || s->pad_right;
  plan_copy(plan, true, true);
  size_t pixels, bytes;
  if (!qk_product(plan->copied_height, plan->copied_width, &pixels) ||
      !qk_product(pixels, s->channels, &bytes) || bytes > INT32_MAX)  // run offsets are 32 bits
    return QK_BAD_SIZE;
  plan->row_is_one_run = s->groups == 1 && s->dilation_w == 1;
  plan->direct = qk_conv2d_kernel_for(isa);
  if (s->groups > 1 && s->groups == s->channels && s->out_channels == s->channels)
    plan_depthwise(isa, plan);
  else if (plan->direct)
    plan_direct(plan);
  else
    plan_windows(isa, plan);
  return QK_OK;
}
