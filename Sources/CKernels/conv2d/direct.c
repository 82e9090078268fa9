// The direct way: the output is cut into rectangles whose windows hold the same taps, each rectangle into
// tiles for the kernel.
#include "conv2d.h"

/// One rectangle of every image, and what its windows hold.
typedef struct rectangle {
  qk_conv2d_axis columns, rows, images;
  const uint8_t *x;
  void *y;
  qk_conv2d_tiles tiles;  // all but the grid, x and y
} rectangle;

static bool continues(const qk_conv2d_axis *inner, const qk_conv2d_axis *outer) {
  ptrdiff_t count = (ptrdiff_t)inner->count;
  return outer->x_step == count * inner->x_step && outer->y_step == count * inner->y_step;
}

/// Makes one axis of two where the outer one goes on as the inner one ends.
static void merge(qk_conv2d_axis *inner, qk_conv2d_axis *outer) {
  if (inner->count == 1) {
    qk_conv2d_axis swap = *inner;
    *inner = *outer;
    *outer = swap;
  } else if (outer->count > 1 && continues(inner, outer)) {
    inner->count *= outer->count;
    outer->count = 1;
  }
}

static void swap(qk_conv2d_axis *a, qk_conv2d_axis *b) {
  qk_conv2d_axis old = *a;
  *a = *b;
  *b = old;
}

/// Mean pixels of a tile, in sixteenths, if tiles lie along `axis`.
static size_t mean_pixels(const qk_conv2d_axis *axis, size_t most) {
  size_t tiles = (axis->count + most - 1) / most;
  return axis->count * 16 / tiles;
}

/// Puts the axis along which tiles are tallest first. Rows come first where they are tall enough, since their
/// pixels are stored side by side.
static void choose_tile_axis(rectangle *r, size_t most) {
  size_t enough = most * 16 / 2, best = mean_pixels(&r->columns, most);
  if (best >= enough) return;
  size_t rows = mean_pixels(&r->rows, most), images = mean_pixels(&r->images, most);
  if (rows > best && rows >= images)
    swap(&r->columns, &r->rows);
  else if (images > best)
    swap(&r->columns, &r->images);
}

/// Tiles of `pixels` along the first axis, `count` of them from pixel `first`.
static void run_tiles(const qk_conv2d_kernel *kernel, rectangle *r, size_t first, size_t pixels,
                      size_t count) {
  if (count == 0) return;
  const qk_conv2d_axis *axis = &r->columns;
  qk_conv2d_tiles *tiles = &r->tiles;
  ptrdiff_t start = (ptrdiff_t)first, height = (ptrdiff_t)pixels;
  tiles->pixels = (qk_conv2d_axis){pixels, axis->x_step, axis->y_step};
  tiles->tiles = (qk_conv2d_axis){count, height * axis->x_step, height * axis->y_step};
  tiles->lines = r->rows;
  ptrdiff_t element_bytes = (ptrdiff_t)qk_output_size(tiles->output);
  for (size_t i = 0; i < r->images.count; i++) {
    ptrdiff_t image = (ptrdiff_t)i;
    tiles->x = r->x + start * axis->x_step + image * r->images.x_step;
    tiles->y = (char *)r->y + (start * axis->y_step + image * r->images.y_step) * element_bytes;
    kernel->run(tiles);
  }
}

static void run_rectangle(const qk_conv2d_kernel *kernel, rectangle *r) {
  merge(&r->rows, &r->images);
  merge(&r->columns, &r->rows);
  merge(&r->rows, &r->images);
  size_t most = r->tiles.width > kernel->narrow_columns ? kernel->rows : kernel->narrow_rows;
  choose_tile_axis(r, most);
  if (r->images.count > r->rows.count) swap(&r->rows, &r->images);
  // Tiles of nearly equal height: no short last one.
  size_t count = (r->columns.count + most - 1) / most;
  size_t pixels = r->columns.count / count, taller = r->columns.count % count;
  run_tiles(kernel, r, 0, pixels + 1, taller);
  run_tiles(kernel, r, taller * (pixels + 1), pixels, count - taller);
}

/// Where a panel's parts lie.
typedef struct panel {
  size_t width, columns;
  const float *multiplier;
  const int32_t *bias;
  const int8_t *weights;
} panel;

/// The windows of both spans: their taps, weights and bias.
static void set_windows(qk_conv2d_tiles *tiles, const qk_conv2d_packed *packed, const panel *panel,
                        size_t row_span, size_t column_span) {
  const qk_conv2d_shape *s = &packed->shape;
  const qk_conv2d_span *rows = qk_conv2d_spans(packed) + row_span;
  const qk_conv2d_span *columns = qk_conv2d_spans(packed) + packed->row_spans + column_span;
  size_t step_bytes = panel->width * packed->direct->depth;
  size_t first_step = rows->tap * packed->row_steps + columns->tap * packed->tap_steps;
  tiles->rows = rows->taps;
  tiles->segments = columns->taps;
  tiles->steps = packed->tap_steps;
  if (packed->row_is_one_run) {
    tiles->segments = columns->taps > 0;
    tiles->steps = columns->taps == s->kernel_w ? packed->row_steps : columns->taps * packed->tap_steps;
  }
  tiles->row_step = (ptrdiff_t)(s->dilation_h * packed->copied_width * s->channels);
  tiles->segment_step = (ptrdiff_t)(s->dilation_w * s->channels);
  tiles->weights_row_step = (ptrdiff_t)(packed->row_steps * step_bytes);
  tiles->bias = panel->bias + (row_span * packed->column_spans + column_span) * panel->width;
  tiles->weights = panel->weights + first_step * step_bytes;
}

/// Input position of a window's first tap inside the image.
static size_t first_tap(const qk_conv2d_side *side, const qk_conv2d_span *span, size_t position) {
  return span->taps ? position * side->stride + span->tap * side->dilation - side->before : 0;
}

/// One panel over all rectangles; `channel` and `out_channel` are the first ones read and written.
static void convolve_panel(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, const panel *panel,
                           size_t channel, size_t out_channel) {
  const qk_conv2d_shape *s = &packed->shape;
  const qk_conv2d_span *row_spans = qk_conv2d_spans(packed), *column_spans = row_spans + packed->row_spans;
  qk_conv2d_side row_side = qk_conv2d_row_side(packed), column_side = qk_conv2d_column_side(packed);
  size_t row = packed->copied_width * s->channels, out_row = packed->out_width * s->out_channels;
  rectangle r;
  r.tiles.width = panel->width;
  r.tiles.columns = panel->columns;
  r.tiles.multiplier = panel->multiplier;
  r.tiles.output = rows->output;
  r.tiles.narrow = packed->narrow;
  for (size_t i = 0; i < packed->row_spans; i++) {
    const qk_conv2d_span *rs = &row_spans[i];
    size_t first = rs->first < rows->first ? rows->first : rs->first;
    size_t end = rs->first + rs->count < rows->end ? rs->first + rs->count : rows->end;
    if (first >= end) continue;
    for (size_t j = 0; j < packed->column_spans; j++) {
      const qk_conv2d_span *cs = &column_spans[j];
      size_t x = first_tap(&row_side, rs, first) * row + first_tap(&column_side, cs, cs->first) * s->channels;
      size_t y = first * out_row + cs->first * s->out_channels;
      r.columns =
          (qk_conv2d_axis){cs->count, (ptrdiff_t)(s->stride_w * s->channels), (ptrdiff_t)s->out_channels};
      r.rows = (qk_conv2d_axis){end - first, (ptrdiff_t)(s->stride_h * row), (ptrdiff_t)out_row};
      r.images = (qk_conv2d_axis){rows->images, (ptrdiff_t)(packed->copied_height * row),
                                  (ptrdiff_t)(packed->out_height * out_row)};
      r.x = rows->x + x + channel;
      r.y = qk_output_at(rows->output, rows->y, y + out_channel);
      set_windows(&r.tiles, packed, panel, i, j);
      run_rectangle(packed->direct, &r);
    }
  }
}

void qk_conv2d_direct(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t channels = s->channels / s->groups, out_channels = s->out_channels / s->groups;
  const char *memory = qk_conv2d_panels(packed);
  for (size_t g = 0; g < s->groups; g++) {
    for (size_t first = 0; first < out_channels;) {
      panel panel = {.width = qk_conv2d_panel_width(packed, first)};
      panel.columns = out_channels - first < panel.width ? out_channels - first : panel.width;
      panel.multiplier = (const float *)memory;
      panel.bias = (const int32_t *)(panel.multiplier + panel.width);
      panel.weights = (const int8_t *)(panel.bias + packed->row_spans * packed->column_spans * panel.width);
      convolve_panel(packed, rows, &panel, g * channels, g * out_channels + first);
      memory += qk_conv2d_panel_bytes(packed, panel.width);
      first += panel.width;
    }
  }
}
