// Convolution as a matrix product whose rows are windows, read in place.
#include "conv2d.h"

/// One group's filters, read as runs.
typedef struct group_filters {
  const int8_t *first;
  size_t channels, taps, taps_per_run;
} group_filters;

static int8_t filter_weight(const void *context, size_t column, size_t run, size_t i) {
  const group_filters *f = context;
  size_t tap = run * f->taps_per_run + i / f->channels, channel = i % f->channels;
  return f->first[(column * f->channels + channel) * f->taps + tap];
}

void qk_conv2d_pack_windows(qk_conv2d_packed *packed, const qk_conv2d_filters *filters) {
  const qk_conv2d_shape *s = &packed->shape;
  group_filters group = {filters->weights, s->channels / s->groups, s->kernel_h * s->kernel_w, 0};
  group.taps_per_run = packed->weights.run_length / group.channels;

  int32_t *offsets = qk_conv2d_run_offsets(packed);
  size_t row_width = packed->copied_width * s->channels;
  for (size_t run = 0; run < packed->weights.runs; run++) {
    size_t tap = run * group.taps_per_run;
    size_t y = tap / s->kernel_w * s->dilation_h, x = tap % s->kernel_w * s->dilation_w;
    offsets[run] = (int32_t)(y * row_width + x * s->channels);
  }
  size_t n = packed->weights.n;
  char *panels = (char *)packed + packed->panels_offset;
  for (size_t g = 0; g < s->groups; g++, panels += packed->panels_bytes) {
    group.first = filters->weights + g * n * group.channels * group.taps;
    qk_gemm_pack_panels(&packed->weights, filter_weight, &group, filters->bias ? filters->bias + g * n : NULL,
                        filters->multiplier ? filters->multiplier + g * n : NULL, packed->zero_point, panels);
  }
}

/// All output pixels of one group.
static void convolve(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, const uint8_t *x,
                     const void *panels, void *y) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t row = packed->copied_width * s->channels, image = packed->copied_height * row;
  size_t step_x = s->stride_w * s->channels, step_y = s->stride_h * row;
  size_t out_row = packed->out_width * s->out_channels, out_image = packed->out_height * out_row;
  size_t row_count = rows->end - rows->first;
  const uint8_t *windows[QK_GEMM_BLOCK];
  for (size_t i = 0; i < rows->images; i++) {
    size_t oy = rows->first, ox = 0, total = row_count * packed->out_width;
    void *image_y = qk_output_at(rows->output, y, i * out_image + oy * out_row);
    for (size_t done = 0; done < total;) {
      size_t count = total - done < QK_GEMM_BLOCK ? total - done : QK_GEMM_BLOCK;
      for (size_t r = 0; r < count; r++) {
        windows[r] = x + i * image + oy * step_y + ox * step_x;
        if (++ox < packed->out_width) continue;
        ox = 0;
        oy++;
      }
      qk_gemm_rows(&packed->weights, panels, count, windows, qk_conv2d_run_offsets(packed), packed->copies,
                   rows->output, qk_output_at(rows->output, image_y, done * s->out_channels),
                   s->out_channels);
      done += count;
    }
  }
}

void qk_conv2d_windows(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows) {
  const qk_conv2d_shape *s = &packed->shape;
  const char *panels = qk_conv2d_panels(packed);
  for (size_t g = 0; g < s->groups; g++)
    convolve(packed, rows, rows->x + g * (s->channels / s->groups), panels + g * packed->panels_bytes,
             qk_output_at(rows->output, rows->y, g * packed->weights.n));
}
