// Depthwise convolution: by quads, or row by row, where all pixels of a row read their taps from pointers
// that move alike.
#include "conv2d.h"

static void convolve_row(const qk_conv2d_packed *packed, const uint8_t *x, const qk_output *output, void *y,
                         const uint8_t **taps) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t row = packed->copied_width * s->channels, count = 0;
  for (size_t ky = 0; ky < s->kernel_h; ky++)
    for (size_t kx = 0; kx < s->kernel_w; kx++)
      taps[count++] = x + ky * s->dilation_h * row + kx * s->dilation_w * s->channels;
  qk_depthwise_run run = {
      .pixels = packed->out_width / packed->repeats,
      .channels = s->channels * packed->repeats,
      .tap_count = count,
      .taps = taps,
      .pixel_step = s->stride_w * s->channels * packed->repeats,
      .packed = qk_conv2d_panels(packed),
      .output = output,
      .y = y,
  };
  packed->depthwise->run(&run);

  size_t done = run.pixels * packed->repeats;  // the rest of the row: fewer pixels than `repeats`
  if (done == packed->out_width) return;
  for (size_t t = 0; t < count; t++) taps[t] += done * s->channels;
  run.pixels = 1;
  run.channels = (packed->out_width - done) * s->channels;
  run.y = qk_output_at(output, y, done * s->channels);
  packed->depthwise->run(&run);
}

void qk_conv2d_depthwise(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, const uint8_t **taps) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t row = packed->copied_width * s->channels, out_row = packed->out_width * s->channels;
  for (size_t i = 0; i < rows->images; i++)
    for (size_t oy = rows->first; oy < rows->end; oy++)
      convolve_row(packed, rows->x + (i * packed->copied_height + oy * s->stride_h) * row, rows->output,
                   qk_output_at(rows->output, rows->y, (i * packed->out_height + oy) * out_row), taps);
}

void qk_conv2d_quads(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, void *scratch) {
  const qk_quads_work work = {
      .plan = &packed->quads,
      .shape = &packed->shape,
      .out_height = packed->out_height,
      .out_width = packed->out_width,
      .packed = qk_conv2d_panels(packed),
      .images = rows->images,
      .first_row = rows->first,
      .end_row = rows->end,
      .x = rows->x,
      .output = rows->output,
      .y = rows->y,
      .scratch = scratch,
  };
  qk_quads_run(&work);
}
