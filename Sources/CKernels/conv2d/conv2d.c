// Running a packed convolution.
#include <string.h>

#include "conv2d.h"

/// The copied image; the matrix kernels' last step may read past its end.
static size_t copy_bytes(const qk_conv2d_packed *packed) {
  if (!packed->copies) return 0;
  size_t image = packed->copied_height * packed->copied_width * packed->shape.channels;
  return qk_round_up(image + QK_ALIGNMENT, QK_ALIGNMENT);
}

size_t qk_conv2d_u8s8_scratch_bytes(const void *packed) {
  const qk_conv2d_packed *plan = packed;
  size_t taps = plan->depthwise ? plan->shape.kernel_h * plan->shape.kernel_w : 0;
  return copy_bytes(plan) + qk_round_up(taps * sizeof(uint8_t *), QK_ALIGNMENT);
}

/// Copies one image between its margins of zero points.
static void copy_padded(const qk_conv2d_packed *packed, const uint8_t *x, uint8_t *copy) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t row = s->width * s->channels, copied_row = packed->copied_width * s->channels;
  size_t left = s->pad_left * s->channels, right = s->pad_right * s->channels;
  memset(copy, packed->zero_point, s->pad_top * copied_row);
  copy += s->pad_top * copied_row;
  for (size_t i = 0; i < s->height; i++, copy += copied_row) {
    memset(copy, packed->zero_point, left);
    memcpy(copy + left, x + i * row, row);
    memset(copy + left + row, packed->zero_point, right);
  }
  memset(copy, packed->zero_point, s->pad_bottom * copied_row + QK_ALIGNMENT);
}

static void convolve(const qk_conv2d_packed *packed, size_t batch, const uint8_t *x, const qk_output *output,
                     void *y, uint8_t *scratch) {
  if (packed->depthwise)
    qk_conv2d_depthwise(packed, batch, x, output, y, (const uint8_t **)(scratch + copy_bytes(packed)));
  else
    qk_conv2d_direct(packed, batch, x, output, y);
}

qk_status qk_conv2d_u8s8(const void *packed, size_t batch, const uint8_t *x, const qk_output *output, void *y,
                         void *scratch) {
  const qk_conv2d_packed *plan = packed;
  if (!qk_is_aligned(packed) || !qk_is_aligned(scratch)) return QK_BAD_ALIGNMENT;
  qk_status status = qk_check_output(output);
  if (status != QK_OK) return status;
  if (!plan->copies) {
    convolve(plan, batch, x, output, y, scratch);
    return QK_OK;
  }
  size_t image = plan->shape.height * plan->shape.width * plan->shape.channels;
  size_t out_image = plan->out_height * plan->out_width * plan->shape.out_channels;
  for (size_t b = 0; b < batch; b++) {
    copy_padded(plan, x + b * image, scratch);
    convolve(plan, 1, scratch, output, qk_output_at(output, y, b * out_image), scratch);
  }
  return QK_OK;
}
