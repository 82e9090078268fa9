// Weights in panels (qk_gemm_panel_bytes).
#include <string.h>

#include "gemm.h"

static size_t steps_per_run(const qk_gemm_weights *weights) {
  return qk_round_up(weights->run_length, weights->kernel->depth) / weights->kernel->depth;
}

size_t qk_gemm_panel_bytes(const qk_gemm_weights *weights, size_t width) {
  size_t depth = weights->runs * steps_per_run(weights) * weights->kernel->depth;
  return qk_round_up(width * (sizeof(int32_t) + sizeof(float) + depth), QK_ALIGNMENT);
}

size_t qk_gemm_panel_width(const qk_gemm_weights *weights, size_t column) {
  const qk_gemm_kernel *kernel = weights->kernel;
  return weights->n - column <= kernel->narrow ? kernel->narrow : kernel->columns;
}

size_t qk_gemm_panels_bytes(const qk_gemm_weights *weights) {
  size_t bytes = 0, column = 0;
  while (column < weights->n) {
    size_t width = qk_gemm_panel_width(weights, column);
    bytes += qk_gemm_panel_bytes(weights, width);
    column += width;
  }
  return bytes;
}

void qk_gemm_pack_panels(const qk_gemm_weights *weights, qk_weight_reader weight, const void *context,
                         const int32_t *bias, const float *multiplier, uint8_t zero_point, void *panels) {
  size_t depth = weights->kernel->depth, run_bytes = steps_per_run(weights) * depth;
  uint32_t read_zero_point = (uint32_t)zero_point - weights->kernel->flip;  // of the bytes as it reads them
  char *panel = panels;
  for (size_t first = 0; first < weights->n;) {
    size_t width = qk_gemm_panel_width(weights, first), bytes = qk_gemm_panel_bytes(weights, width);
    memset(panel, 0, bytes);
    int32_t *panel_bias = (int32_t *)panel;
    float *panel_multiplier = (float *)(panel_bias + width);
    int8_t *packed = (int8_t *)(panel_multiplier + width);
    for (size_t n = 0; n < width && first + n < weights->n; n++) {
      uint32_t sum = 0;
      for (size_t run = 0; run < weights->runs; run++)
        for (size_t i = 0; i < weights->run_length; i++) {
          int8_t w = weight(context, first + n, run, i);
          size_t k = run * run_bytes + i;
          packed[(k / depth * width + n) * depth + k % depth] = w;
          sum += (uint32_t)w;
        }
      panel_bias[n] = (int32_t)((bias ? (uint32_t)bias[first + n] : 0) - read_zero_point * sum);
      panel_multiplier[n] = multiplier ? multiplier[first + n] : 1.0f;
    }
    first += width;
    panel += bytes;
  }
}

void qk_gemm_rows(const qk_gemm_weights *weights, const void *panels, size_t row_count,
                  const uint8_t *const *rows, const int32_t *run_offsets, bool readable_tail,
                  const qk_output *output, void *y, size_t y_stride) {
  const qk_gemm_kernel *kernel = weights->kernel;
  size_t tail = weights->run_length % kernel->depth;
  size_t tiles = (row_count + kernel->rows - 1) / kernel->rows;
  const char *panel = panels;
  for (size_t first = 0; first < weights->n;) {
    size_t width = qk_gemm_panel_width(weights, first), left = weights->n - first;
    const int32_t *bias = (const int32_t *)panel;
    qk_gemm_tile tile = {
        .columns = left < width ? left : width,
        .width = width,
        .run_offsets = run_offsets,
        .runs = weights->runs,
        .run_steps = steps_per_run(weights),
        .last_step = tail && !readable_tail ? tail : kernel->depth,
        .bias = bias,
        .multiplier = (const float *)(bias + width),
        .weights = (const int8_t *)(bias + 2 * width),
        .flip = kernel->flip ^ (weights->signed_rows ? 0x80 : 0),
        .output = output,
        .y_stride = y_stride,
    };
    for (size_t t = 0; t < tiles; t++) {  // tiles of nearly equal height: no short last one
      size_t begin = t * row_count / tiles, end = (t + 1) * row_count / tiles;
      tile.row_count = end - begin;
      tile.rows = rows + begin;
      tile.y = qk_output_at(output, y, begin * y_stride + first);
      kernel->run(&tile);
    }
    first += width;
    panel += qk_gemm_panel_bytes(weights, width);
  }
}
