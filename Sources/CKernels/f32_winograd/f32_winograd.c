#include "f32_winograd.h"

#include <string.h>

#include "qk_cpu.h"

/// Floats of transformed weights up to which the products still find them in the second-level cache.
enum { MOST_WEIGHTS = (1 << 18) + POINTS * GROUP };

bool qk_f32_winograd_fits(const qk_f32_conv2d *c) {
  return (qk_isa_active() & QK_AVX512VNNI) && c->channels > 0 && c->channels % GROUP == 0 &&
         c->out_channels > 0 && c->out_channels % GROUP == 0 && c->out_height > 0 && c->out_width > 0 &&
         c->kernel_height == 3 && c->kernel_width == 3 && c->stride == 1 &&
         qk_f32_winograd_weights(c) <= MOST_WEIGHTS;
}

size_t qk_f32_winograd_weights(const qk_f32_conv2d *c) {
  return POINTS * qk_f32_winograd_weight_plane(c->channels, c->out_channels);
}

size_t qk_f32_winograd_scratch(const qk_f32_conv2d *c) {
  return POINTS * (qk_f32_winograd_plane(c->channels) + qk_f32_winograd_plane(c->out_channels));
}

/// g of three numbers, G g of four.
static void transform(const float *g, size_t step, float *to) {
  const float a = g[0], b = g[step], c = g[2 * step];
  to[0] = a;
  to[1] = 0.5f * (a + b + c);
  to[2] = 0.5f * (a - b + c);
  to[3] = c;
}

/// G g G^T of one kernel.
static void transform_kernel(const float *g, float to[POINTS]) {
  float rows[3][4];
  for (size_t y = 0; y < 3; y++) transform(g + 3 * y, 1, rows[y]);
  for (size_t x = 0; x < 4; x++) {
    float column[4];
    transform(&rows[0][x], 4, column);
    for (size_t y = 0; y < 4; y++) to[4 * y + x] = column[y];
  }
}

void qk_f32_winograd_pack(const qk_f32_conv2d *c, bool turned, const float *weights, float *packed) {
  const size_t panel = GROUP * qk_f32_winograd_panel(c),
               plane = qk_f32_winograd_weight_plane(c->channels, c->out_channels);
  for (size_t o = 0; o < c->out_channels; o++)
    for (size_t i = 0; i < c->channels; i++) {
      float kernel[9], points[POINTS];
      const float *from = weights + 9 * (turned ? i * c->out_channels + o : o * c->channels + i);
      for (size_t tap = 0; tap < 9; tap++) kernel[tap] = from[turned ? 8 - tap : tap];
      transform_kernel(kernel, points);
      float *to = packed + (o / panel * c->channels + i) * panel + o % panel;
      for (size_t point = 0; point < POINTS; point++) to[point * plane] = points[point];
    }
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
