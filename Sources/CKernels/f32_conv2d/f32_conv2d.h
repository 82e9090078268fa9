#pragma once
// Inside of the fp32 convolutions: how padded images and packed weights lie, and the kernels for one image.
#include "qk_f32_conv2d.h"

/// Channels in a vector, and pixels that a tile of results has at least.
enum { GROUP = 16, PIXELS = 8 };

static inline size_t qk_f32_padded_height(const qk_f32_conv2d *c) {
  return (c->out_height - 1) * c->stride + c->kernel_height;
}

static inline size_t qk_f32_padded_width(const qk_f32_conv2d *c) {
  return (c->out_width - 1) * c->stride + c->kernel_width;
}

/// Groups of output channels that are computed together.
static inline size_t qk_f32_panel_groups(const qk_f32_conv2d *c) {
  return c->out_channels % (2 * GROUP) == 0 ? 2 : 1;
}

/// y of one image, from the padded one.
void qk_f32_conv2d_image__avx512(const qk_f32_conv2d *c, const float *padded, const float *packed, float *y);

/// Adds the part of one image to the sums; `next` is the image to come, as it lies in memory.
void qk_f32_conv2d_image_gradient__avx512(const qk_f32_conv2d *c, const float *padded, const float *dy,
                                          const float *next, float *sums);
