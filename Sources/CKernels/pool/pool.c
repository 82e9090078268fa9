#include "pool.h"

#pragma STDC FP_CONTRACT OFF

#define QK_POOL_U8(isa, max_function, average_function)     \
  void max_function(const qk_windows *windows, uint8_t *y); \
  void average_function(const qk_windows *windows, const qk_window_average *average, uint8_t *y);
#include "kernels.inc"

static const qk_pool_kernel kernels[] = {
#define QK_POOL_U8(isa, max_function, average_function) {isa, max_function, average_function},
#include "kernels.inc"
};

/// Most pixels in one window: their sum of bytes stays below 2^31.
static const size_t most_pixels = (size_t)1 << 23;

/// One side of a window placed at output position `at`: which of its taps fall on the image.
typedef struct side {
  size_t start;   // first image position
  size_t count;   // taps on the image
  size_t padded;  // taps on the image or its padding
} side;

/// Taps of a window at `origin` that come before `end`.
static size_t taps_before(size_t end, size_t origin, size_t kernel, size_t dilation) {
  if (origin >= end) return 0;
  size_t taps = dilation == 1 ? end - origin : (end - origin + dilation - 1) / dilation;
  return taps < kernel ? taps : kernel;
}

static side place(size_t at, size_t size, size_t before, size_t after, size_t kernel, size_t stride,
                  size_t dilation) {
  const size_t origin = at * stride;  // in the padded image
  const size_t skipped = taps_before(before, origin, kernel, dilation);
  return (side){
      .start = origin + skipped * dilation - before,
      .count = taps_before(before + size, origin, kernel, dilation) - skipped,
      .padded = taps_before(before + size + after, origin, kernel, dilation),
  };
}

static side row_side(const qk_pool2d_shape *s, size_t at) {
  return place(at, s->height, s->pad_top, s->pad_bottom, s->kernel_h, s->stride_h, s->dilation_h);
}

static side column_side(const qk_pool2d_shape *s, size_t at) {
  return place(at, s->width, s->pad_left, s->pad_right, s->kernel_w, s->stride_w, s->dilation_w);
}

static qk_status check(const qk_pool2d_shape *s) {
  const size_t limit = (size_t)1 << 24;
  const size_t positive[] = {s->height,   s->width,    s->channels, s->out_height, s->out_width, s->kernel_h,
                             s->kernel_w, s->stride_h, s->stride_w, s->dilation_h, s->dilation_w};
  const size_t pads[] = {s->pad_top, s->pad_left, s->pad_bottom, s->pad_right};
  for (size_t i = 0; i < sizeof positive / sizeof *positive; i++)
    if (positive[i] == 0 || positive[i] > limit) return QK_BAD_SIZE;
  for (size_t i = 0; i < sizeof pads / sizeof *pads; i++)
    if (pads[i] > limit) return QK_BAD_SIZE;
  if (s->kernel_h * s->kernel_w > most_pixels) return QK_BAD_SIZE;
  // Where taps lie side by side, windows between two that hold pixels hold some, too.
  size_t between_rows = s->dilation_h == 1 ? s->out_height - 1 : 1;
  size_t between_columns = s->dilation_w == 1 ? s->out_width - 1 : 1;
  for (size_t i = 0; i < s->out_height; i += between_rows ? between_rows : 1)
    if (row_side(s, i).count == 0) return QK_BAD_SIZE;
  for (size_t i = 0; i < s->out_width; i += between_columns ? between_columns : 1)
    if (column_side(s, i).count == 0) return QK_BAD_SIZE;
  return QK_OK;
}

/// Windows from output column `ox` on that lie side by side on the image: all whole ones, or a clipped one.
static size_t run_at(const qk_pool2d_shape *s, size_t ox) {
  const size_t origin = ox * s->stride_w, reach = s->dilation_w * (s->kernel_w - 1) + 1;
  const size_t end = s->pad_left + s->width, left = s->out_width - ox;
  if (origin < s->pad_left || origin + reach > end) return 1;
  size_t fits = (end - reach - origin) / s->stride_w + 1;
  return fits < left ? fits : left;
}

/// Windows of one output row, from `ox` on.
static qk_windows windows_at(const qk_pool2d_shape *s, const uint8_t *image, side rows, size_t ox,
                             side columns) {
  size_t row = s->width * s->channels;
  return (qk_windows){
      .count = run_at(s, ox),
      .step = s->stride_w * s->channels,
      .first = image + rows.start * row + columns.start * s->channels,
      .rows = rows.count,
      .columns = columns.count,
      .row_step = s->dilation_h * row,
      .column_step = s->dilation_w * s->channels,
      .channels = s->channels,
  };
}

qk_status qk_max_pool2d_u8(uint32_t isa, const qk_pool2d_shape *s, size_t batch, const uint8_t *x,
                           uint8_t *y) {
  qk_status status = check(s);
  if (status != QK_OK) return status;
  const qk_pool_kernel *kernel = QK_FIRST_RUNNABLE(kernels, isa);
  for (size_t b = 0; b < batch; b++, x += s->height * s->width * s->channels)
    for (size_t oy = 0; oy < s->out_height; oy++) {
      side rows = row_side(s, oy);
      for (size_t ox = 0, count; ox < s->out_width; ox += count, y += count * s->channels) {
        qk_windows windows = windows_at(s, x, rows, ox, column_side(s, ox));
        count = windows.count;
        kernel->max(&windows, y);
      }
    }
  return QK_OK;
}

static qk_status check_average(const qk_average_pool2d_params *p) {
  if (!qk_is_scale(p->multiplier)) return QK_BAD_SCALE;
  return p->lo > p->hi ? QK_BAD_RANGE : QK_OK;
}

/// The average of `pixels` pixels, divided by `count`.
static qk_window_average average_of(const qk_average_pool2d_params *p, size_t pixels, size_t count) {
  return (qk_window_average){
      .bias = -(int32_t)(pixels * p->x_zero_point),
      .multiplier = p->multiplier / (float)count,
      .zero_point = p->zero_point,
      .lo = p->lo,
      .hi = p->hi,
  };
}

qk_status qk_average_pool2d_u8(uint32_t isa, const qk_pool2d_shape *s, const qk_average_pool2d_params *p,
                               size_t batch, const uint8_t *x, uint8_t *y) {
  qk_status status = check(s);
  if (status == QK_OK) status = check_average(p);
  if (status != QK_OK) return status;
  const qk_pool_kernel *kernel = QK_FIRST_RUNNABLE(kernels, isa);
  for (size_t b = 0; b < batch; b++, x += s->height * s->width * s->channels)
    for (size_t oy = 0; oy < s->out_height; oy++) {
      side rows = row_side(s, oy);
      for (size_t ox = 0, count; ox < s->out_width; ox += count, y += count * s->channels) {
        side columns = column_side(s, ox);
        size_t pixels = rows.count * columns.count, padded = rows.padded * columns.padded;
        qk_windows windows = windows_at(s, x, rows, ox, columns);
        qk_window_average average = average_of(p, pixels, p->count_include_pad ? padded : pixels);
        count = windows.count;
        kernel->average(&windows, &average, y);
      }
    }
  return QK_OK;
}

qk_status qk_global_average_pool_u8(uint32_t isa, size_t batch, size_t pixels, size_t channels,
                                    const qk_average_pool2d_params *p, const uint8_t *x, uint8_t *y) {
  if (pixels == 0 || channels == 0 || pixels > most_pixels) return QK_BAD_SIZE;
  qk_status status = check_average(p);
  if (status != QK_OK) return status;
  const qk_pool_kernel *kernel = QK_FIRST_RUNNABLE(kernels, isa);
  qk_window_average average = average_of(p, pixels, pixels);
  qk_windows window = {.count = 1,
                       .step = channels,
                       .rows = 1,
                       .columns = pixels,
                       .column_step = channels,
                       .channels = channels};
  for (size_t b = 0; b < batch; b++) {
    window.first = x + b * pixels * channels;
    kernel->average(&window, &average, y + b * channels);
  }
  return QK_OK;
}
