// Depthwise convolution: output rows are split into pixels whose windows leave the image sideways, one by
// one, and the run between them, whose taps all move alike. Rows outside the image are replaced by one row of
// zero points.
#include <string.h>

#include "conv2d.h"

/// Scratch memory: a row of zero points, then a pointer for each tap.
static size_t zero_row_bytes(const qk_conv2d_packed *packed) {
  return qk_round_up(packed->shape.width * packed->shape.channels, QK_ALIGNMENT);
}

size_t qk_conv2d_depthwise_scratch_bytes(const qk_conv2d_packed *packed) {
  size_t taps = packed->shape.kernel_h * packed->shape.kernel_w;
  return zero_row_bytes(packed) + qk_round_up(taps * sizeof(uint8_t *), QK_ALIGNMENT);
}

/// Output columns [begin, end) whose windows lie inside the image sideways.
typedef struct interior {
  size_t begin, end;
} interior;

static interior interior_columns(const qk_conv2d_packed *packed) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t reach = s->dilation_w * (s->kernel_w - 1) + 1;
  size_t begin = (s->pad_left + s->stride_w - 1) / s->stride_w, end = 0;
  if (s->width + s->pad_left >= reach) end = (s->width + s->pad_left - reach) / s->stride_w + 1;
  if (begin > packed->out_width) begin = packed->out_width;
  if (end > packed->out_width) end = packed->out_width;
  return (interior){begin, end > begin ? end : begin};
}

/// Pointers of all taps for the output pixel (oy, ox) of image x.
static void point_taps(const qk_conv2d_packed *packed, const uint8_t *x, const uint8_t *zero_row, size_t oy,
                       size_t ox, const uint8_t **taps) {
  const qk_conv2d_shape *s = &packed->shape;
  for (size_t ky = 0; ky < s->kernel_h; ky++) {
    size_t iy = oy * s->stride_h + ky * s->dilation_h - s->pad_top;  // wraps to huge above the image
    for (size_t kx = 0; kx < s->kernel_w; kx++) {
      size_t ix = ox * s->stride_w + kx * s->dilation_w - s->pad_left;
      bool inside = iy < s->height && ix < s->width;
      *taps++ = inside ? x + (iy * s->width + ix) * s->channels : zero_row;
    }
  }
}

void qk_conv2d_depthwise(const qk_conv2d_packed *packed, size_t batch, const uint8_t *x,
                         const qk_output *output, void *y, void *scratch) {
  const qk_conv2d_shape *s = &packed->shape;
  uint8_t *zero_row = scratch;
  const uint8_t **taps = (const uint8_t **)(zero_row + zero_row_bytes(packed));
  memset(zero_row, packed->zero_point, s->width * s->channels);
  qk_depthwise_run run = {
      .channels = s->channels,
      .tap_count = s->kernel_h * s->kernel_w,
      .taps = taps,
      .pixel_step = s->stride_w * s->channels,
      .packed = qk_conv2d_panels(packed),
      .output = output,
  };
  interior inside = interior_columns(packed);
  for (size_t row = 0; row < batch * packed->out_height; row++) {
    size_t b = row / packed->out_height, oy = row % packed->out_height;
    const uint8_t *image = x + b * s->height * s->width * s->channels;
    for (size_t ox = 0; ox < packed->out_width; ox += run.pixels) {
      run.pixels = ox == inside.begin && inside.end > ox ? inside.end - ox : 1;
      run.y = qk_output_at(output, y, (row * packed->out_width + ox) * s->channels);
      point_taps(packed, image, zero_row, oy, ox, taps);
      packed->depthwise->run(&run);
    }
  }
}
