// Filters to the panels of the direct way: multiplier [width], bias' [row spans][column spans][width], then
// weights [kernel_h][steps of a row][width][KR]. Where a kernel row is one run, its steps follow one another
// over the taps; else each tap starts a step of its own.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conv2d.h"

typedef struct panel {
  size_t group, first, width, columns;
  float *multiplier;
  int32_t *bias;
  int8_t *weights;
} panel;

static int8_t weight_at(const qk_conv2d_packed *packed, const qk_conv2d_filters *filters, size_t out_channel,
                        size_t ky, size_t kx, size_t channel) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t filter = out_channel * (s->channels / s->groups) + channel;
  return filters->weights[(filter * s->kernel_h + ky) * s->kernel_w + kx];
}

/// Sum of an output channel's weights over the taps of both spans, modulo 2^32.
static uint32_t weight_sum(const qk_conv2d_packed *packed, const qk_conv2d_filters *filters,
                           size_t out_channel, const qk_conv2d_span *rows, const qk_conv2d_span *columns) {
  size_t channels = packed->shape.channels / packed->shape.groups;
  uint32_t sum = 0;
  for (size_t ky = rows->tap; ky < rows->tap + rows->taps; ky++)
    for (size_t kx = columns->tap; kx < columns->tap + columns->taps; kx++)
      for (size_t c = 0; c < channels; c++)
        sum += (uint32_t)weight_at(packed, filters, out_channel, ky, kx, c);
  return sum;
}

static void pack_weights(const qk_conv2d_packed *packed, const qk_conv2d_filters *filters, const panel *panel,
                         size_t column, size_t out_channel) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t depth = packed->direct->depth, channels = s->channels / s->groups;
  size_t tap_bytes = packed->row_is_one_run ? channels : packed->tap_steps * depth;
  for (size_t ky = 0; ky < s->kernel_h; ky++)
    for (size_t kx = 0; kx < s->kernel_w; kx++)
      for (size_t c = 0; c < channels; c++) {
        size_t k = ky * packed->row_steps * depth + kx * tap_bytes + c;
        panel->weights[(k / depth * panel->width + column) * depth + k % depth] =
            weight_at(packed, filters, out_channel, ky, kx, c);
      }
}

/// Whether no sum of an output channel times its multiplier can leave the range of int32, with room to spare.
static bool is_narrow(const qk_conv2d_packed *packed, const qk_conv2d_filters *filters, size_t out_channel) {
  size_t depth =
      packed->shape.kernel_h * packed->shape.kernel_w * (packed->shape.channels / packed->shape.groups);
  const int8_t *filter = filters->weights + out_channel * depth;
  double most = filters->bias ? fabs((double)filters->bias[out_channel]) : 0;
  for (size_t i = 0; i < depth; i++) most += 255.0 * abs(filter[i]);
  double multiplier = filters->multiplier ? filters->multiplier[out_channel] : 1;
  return most < INT32_MAX && most * multiplier < INT32_MAX / 2;
}

static void pack_panel(const qk_conv2d_packed *packed, const qk_conv2d_filters *filters, const panel *panel) {
  const qk_conv2d_shape *s = &packed->shape;
  const qk_conv2d_span *rows = qk_conv2d_spans(packed), *columns = rows + packed->row_spans;
  for (size_t n = 0; n < panel->columns; n++) {
    size_t out_channel = panel->group * (s->out_channels / s->groups) + panel->first + n;
    uint32_t bias = filters->bias ? (uint32_t)filters->bias[out_channel] : 0;
    panel->multiplier[n] = filters->multiplier ? filters->multiplier[out_channel] : 1.0f;
    int32_t *folded = panel->bias + n;
    for (size_t i = 0; i < packed->row_spans; i++)
      for (size_t j = 0; j < packed->column_spans; j++, folded += panel->width)
        *folded = (int32_t)(bias - packed->zero_point *
                                       weight_sum(packed, filters, out_channel, &rows[i], &columns[j]));
    pack_weights(packed, filters, panel, n, out_channel);
  }
}

void qk_conv2d_pack_direct(qk_conv2d_packed *packed, const qk_conv2d_filters *filters) {
  qk_conv2d_side rows = qk_conv2d_row_side(packed), columns = qk_conv2d_column_side(packed);
  qk_conv2d_span *spans = qk_conv2d_spans(packed);
  qk_conv2d_side_spans(&rows, packed->row_spans, spans);
  qk_conv2d_side_spans(&columns, packed->column_spans, spans + packed->row_spans);

  size_t count = packed->shape.out_channels / packed->shape.groups;
  packed->narrow = true;
  for (size_t i = 0; i < packed->shape.out_channels; i++) packed->narrow &= is_narrow(packed, filters, i);

  char *memory = (char *)packed + packed->panels_offset;
  memset(memory, 0, packed->panels_bytes * packed->shape.groups);
  for (size_t group = 0; group < packed->shape.groups; group++) {
    for (size_t first = 0; first < count;) {
      panel panel = {.group = group, .first = first, .width = qk_conv2d_panel_width(packed, first)};
      panel.columns = count - first < panel.width ? count - first : panel.width;
      panel.multiplier = (float *)memory;
      panel.bias = (int32_t *)(panel.multiplier + panel.width);
      panel.weights = (int8_t *)(panel.bias + packed->row_spans * packed->column_spans * panel.width);
      pack_panel(packed, filters, &panel);
      memory += qk_conv2d_panel_bytes(packed, panel.width);
      first += panel.width;
    }
  }
}
