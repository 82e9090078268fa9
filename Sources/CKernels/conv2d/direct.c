// Convolution as a matrix product whose rows are windows, read in place.
#include <string.h>

#include "conv2d.h"

size_t qk_conv2d_direct_scratch_bytes(const qk_conv2d_packed *packed) {
  if (!packed->copies) return 0;
  size_t image = packed->copied_height * packed->copied_width * packed->shape.channels;
  return qk_round_up(image + packed->weights.kernel->depth,
                     QK_ALIGNMENT);  // the last step may read past the end
}

/// Copies one image between its margins of zero points.
static void copy_padded(const qk_conv2d_packed *packed, const uint8_t *x, uint8_t *copy) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t row = s->width * s->channels, copied_row = packed->copied_width * s->channels;
  size_t left = s->pad_left * s->channels, right = s->pad_right * s->channels;
  uint8_t *to = copy;
  memset(to, packed->zero_point, s->pad_top * copied_row);
  to += s->pad_top * copied_row;
  for (size_t i = 0; i < s->height; i++, to += copied_row) {
    memset(to, packed->zero_point, left);
    memcpy(to + left, x + i * row, row);
    memset(to + left + row, packed->zero_point, right);
  }
  memset(to, packed->zero_point, s->pad_bottom * copied_row + packed->weights.kernel->depth);
}

/// All output pixels of `images` images whose windows lie inside them, for one group.
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

static void convolve_groups(const qk_conv2d_packed *packed, size_t images, const uint8_t *x,
                            const qk_output *output, void *y) {
  const qk_conv2d_shape *s = &packed->shape;
  const char *panels = qk_conv2d_panels(packed);
  for (size_t g = 0; g < s->groups; g++)
    convolve(packed, images, x + g * (s->channels / s->groups), panels + g * packed->panels_bytes, output,
             qk_output_at(output, y, g * packed->weights.n));
}

void qk_conv2d_direct(const qk_conv2d_packed *packed, size_t batch, const uint8_t *x, const qk_output *output,
                      void *y, uint8_t *scratch) {
  if (!packed->copies) {
    convolve_groups(packed, batch, x, output, y);
    return;
  }
  const qk_conv2d_shape *s = &packed->shape;
  size_t image = s->height * s->width * s->channels;
  size_t out_image = packed->out_height * packed->out_width * s->out_channels;
  for (size_t b = 0; b < batch; b++) {
    copy_padded(packed, x + b * image, scratch);
    convolve_groups(packed, 1, scratch, output, qk_output_at(output, y, b * out_image));
  }
}
