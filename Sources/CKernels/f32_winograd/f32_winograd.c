#include "f32_winograd.h"

#include <string.h>

#include "qk_cpu.h"

/// Floats of transformed weights up to which the products still find them in the second-level cache.
enum { MOST_WEIGHTS = (1 << 18) + POINTS * GROUP };

bool qk_f32_winograd_fits(const qk_f32_conv2d *c) {
  return (qk_isa_active() & QK_AVX512VNNI) && c->channels > 0 && c->channels % GROUP == 0 &&
         c->out_channels > 0 && c->out_channels % GROUP == 0 && c->out_height > 1 && c->out_width > 1 &&
         c->kernel_height == 3 && c->kernel_width == 3 && c->stride == 1 &&
         qk_f32_winograd_weights(c) <= MOST_WEIGHTS;
}

size_t qk_f32_winograd_weights(const qk_f32_conv2d *c) {
  return POINTS * qk_f32_winograd_weight_plane(c->channels, c->out_channels);
}

size_t qk_f32_winograd_scratch(const qk_f32_conv2d *c) {
  return POINTS * (qk_f32_winograd_plane(c->channels) + qk_f32_winograd_plane(c->out_channels));
}

void qk_f32_winograd_pack(const qk_f32_conv2d *c, bool turned, const float *weights, float *packed) {
  qk_f32_winograd_pack__avx512(c, turned, weights, packed);
}

void qk_f32_winograd_forward(const qk_f32_conv2d *c, size_t first, size_t last, const float *x,
                             const float *packed, const qk_f32_winograd_end *end, float *scratch, float *y) {
  const size_t image = qk_f32_winograd_across(c) * qk_f32_winograd_down(c), behind = last * image;
  // The products of a last, smaller block read what is there.
  memset(scratch, 0, qk_f32_winograd_scratch(c) * sizeof *scratch);
  for (size_t tile = first * image; tile < behind; tile += BLOCK)
    qk_f32_winograd_block__avx512(c, tile, behind - tile < BLOCK ? behind - tile : BLOCK, x, packed, end,
                                  scratch, y);
}
