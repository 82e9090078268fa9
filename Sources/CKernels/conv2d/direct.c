// Convolution as a matrix product whose rows are windows, read in place.
#include "conv2d.h"

/// All output pixels of one group.
static void convolve(const qk_conv2d_packed *packed, size_t images, const uint8_t *x, const void *panels,
                     const qk_output *output, void *y) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t row = packed->copied_width * s->channels, image = packed->copied_height * row;
  size_t step_x = s->stride_w * s->channels, step_y = s->stride_h * row;
  size_t total = images * packed->out_height * packed->out_width;
  size_t i = 0, oy = 0, ox = 0;
  const uint8_t *rows[QK_GEMM_BLOCK];
  for (size_t done = 0; done < total;) {
    size_t count = total - done < QK_GEMM_BLOCK ? total - done : QK_GEMM_BLOCK;
    for (size_t r = 0; r < count; r++) {
      rows[r] = x + i * image + oy * step_y + ox * step_x;
      if (++ox < packed->out_width) continue;
      ox = 0;
      if (++oy < packed->out_height) continue;
      oy = 0;
      i++;
    }
    qk_gemm_rows(&packed->weights, panels, count, rows, qk_conv2d_run_offsets(packed), packed->copies, output,
                 qk_output_at(output, y, done * s->out_channels), s->out_channels);
    done += count;
  }
}

void qk_conv2d_direct(const qk_conv2d_packed *packed, size_t batch, const uint8_t *x, const qk_output *output,
                      void *y) {
  const qk_conv2d_shape *s = &packed->shape;
  const char *panels = qk_conv2d_panels(packed);
  for (size_t g = 0; g < s->groups; g++)
    convolve(packed, batch, x + g * (s->channels / s->groups), panels + g * packed->panels_bytes, output,
             qk_output_at(output, y, g * packed->weights.n));
}
