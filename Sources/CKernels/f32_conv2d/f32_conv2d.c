#include "f32_conv2d.h"

#include <string.h>

#include "qk_cpu.h"

bool qk_f32_conv2d_fits(const qk_f32_conv2d *c) {
  return (qk_isa_active() & QK_AVX512VNNI) && c->channels > 0 && c->channels % GROUP == 0 &&
         c->out_channels > 0 && c->out_channels % GROUP == 0 && c->out_width % PIXELS == 0 &&
         c->out_height > 0 && c->out_width > 0 && c->kernel_height * c->kernel_width > 1 &&
         (c->stride == 1 || c->stride == 2);
}

size_t qk_f32_conv2d_weights(const qk_f32_conv2d *c) {
  return c->out_channels * c->channels * c->kernel_height * c->kernel_width;
}

size_t qk_f32_conv2d_scratch(const qk_f32_conv2d *c) {
  return qk_f32_padded_height(c) * qk_f32_padded_width(c) * c->channels;
}

/// Where the weight of an output and an input channel at a tap lies in the kernels' order: panels of output
/// channels, in each the taps' rows, groups of input channels, taps, input channels, output channels.
static size_t place(const qk_f32_conv2d *c, size_t o, size_t i, size_t row, size_t column) {
  const size_t panel = GROUP * qk_f32_panel_groups(c);
  size_t at = o / panel * c->kernel_height + row;
  at = at * (c->channels / GROUP) + i / GROUP;
  at = at * c->kernel_width + column;
  at = at * GROUP + i % GROUP;
  return at * panel + o % panel;
}

/// Calls `visit` for every weight: its place in PyTorch's order, and in the kernels'.
#define EACH_WEIGHT(c, from, to)                                                                            \
  for (size_t o = 0, from = 0; o < (c)->out_channels; o++)                                                  \
    for (size_t i = 0; i < (c)->channels; i++)                                                              \
      for (size_t row = 0; row < (c)->kernel_height; row++)                                                 \
        for (size_t column = 0, to; column < (c)->kernel_width && (to = place(c, o, i, row, column), true); \
             column++, from++)

void qk_f32_conv2d_pack(const qk_f32_conv2d *c, const float *weights, float *packed) {
  EACH_WEIGHT(c, from, to) packed[to] = weights[from];
}

void qk_f32_conv2d_gather(const qk_f32_conv2d *c, size_t parts, float *sums, float *dw) {
  const size_t count = qk_f32_conv2d_weights(c);
  for (size_t part = 1; part < parts; part++)
    for (size_t i = 0; i < count; i++) sums[i] += sums[part * count + i];
  EACH_WEIGHT(c, at, from) dw[at] = sums[from];
}

/// The image between its borders of zeros, group of channels after group, so that a kernel steps from pixel
/// to pixel by sixteen floats. The borders are zero already.
static void pad(const qk_f32_conv2d *c, const float *image, float *padded) {
  const size_t width = qk_f32_padded_width(c), height = qk_f32_padded_height(c);
  const size_t columns = c->width < width - c->pad_left ? c->width : width - c->pad_left;
  for (size_t group = 0; group < c->channels / GROUP; group++, padded += height * width * GROUP)
    for (size_t y = 0; y < c->height && y + c->pad_top < height; y++) {
      float *to = padded + ((y + c->pad_top) * width + c->pad_left) * GROUP;
      const float *from = image + y * c->width * c->channels + group * GROUP;
      for (size_t x = 0; x < columns; x++, to += GROUP, from += c->channels)
        memcpy(to, from, GROUP * sizeof *to);
    }
}

void qk_f32_conv2d_forward(const qk_f32_conv2d *c, size_t first, size_t last, const float *x,
                           const float *packed, float *scratch, float *y) {
  memset(scratch, 0, qk_f32_conv2d_scratch(c) * sizeof *scratch);
  for (size_t n = first; n < last; n++) {
    pad(c, x + n * c->height * c->width * c->channels, scratch);
    qk_f32_conv2d_image__avx512(c, scratch, packed, y + n * c->out_height * c->out_width * c->out_channels);
  }
}

void qk_f32_conv2d_backward_weights(const qk_f32_conv2d *c, size_t first, size_t last, const float *x,
                                    const float *dy, float *scratch, float *sums) {
  memset(scratch, 0, qk_f32_conv2d_scratch(c) * sizeof *scratch);
  memset(sums, 0, qk_f32_conv2d_weights(c) * sizeof *sums);
  const size_t image = c->height * c->width * c->channels;
  for (size_t n = first; n < last; n++) {
    pad(c, x + n * image, scratch);
    qk_f32_conv2d_image_gradient__avx512(c, scratch, dy + n * c->out_height * c->out_width * c->out_channels,
                                         x + (n + 1 < last ? n + 1 : n) * image, sums);
  }
}
