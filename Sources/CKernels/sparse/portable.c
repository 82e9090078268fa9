#include "sparse.h"

enum { MOST_COLUMNS = 32 };

static void start(const qk_sparse_tile *tile, uint32_t sums[MOST_COLUMNS]) {
  for (size_t n = 0; n < tile->width; n++) sums[n] = (uint32_t)tile->bias[n];
}

static void store(const qk_sparse_tile *tile, size_t row, const uint32_t sums[MOST_COLUMNS]) {
  void *y = qk_output_at(tile->output, tile->y, row * tile->y_stride);
  qk_store(tile->output, (const int32_t *)sums, tile->multiplier, tile->columns, y);
}

void qk_sparse_blocks_ukernel_8__portable(const qk_sparse_tile *tile) {
  for (size_t r = 0; r < tile->row_count; r++) {
    const uint8_t *a = tile->a + r * tile->a_stride;
    const int8_t *w = (const int8_t *)tile->steps;
    uint32_t sums[MOST_COLUMNS];
    start(tile, sums);
    for (size_t s = 0; s < tile->step_count + tile->tail_count; s++, w += tile->width * QK_SPARSE_DEPTH) {
      const uint8_t *four = a + (size_t)tile->positions[s] * QK_SPARSE_DEPTH;
      size_t depth = s < tile->step_count ? QK_SPARSE_DEPTH : tile->tail;
      for (size_t i = 0; i < depth; i++)
        for (size_t n = 0; n < tile->width; n++) sums[n] += (uint32_t)(four[i] * w[n * QK_SPARSE_DEPTH + i]);
    }
    store(tile, r, sums);
  }
}

void qk_sparse_scattered_ukernel_8__portable(const qk_sparse_tile *tile) {
  for (size_t r = 0; r < tile->row_count; r++) {
    const uint8_t *a = tile->a + r * tile->a_stride, *index = tile->steps;
    uint32_t sums[MOST_COLUMNS];
    start(tile, sums);
    for (size_t s = 0; s < tile->step_count + tile->tail_count; s++, index += 2 * QK_SPARSE_WINDOW) {
      const uint8_t *window = a + (size_t)tile->positions[s] * QK_SPARSE_WINDOW;
      const int8_t *w = (const int8_t *)index + QK_SPARSE_WINDOW;
      for (size_t i = 0; i < QK_SPARSE_WINDOW; i++)
        sums[i / QK_SPARSE_DEPTH] += (uint32_t)(window[index[i]] * w[i]);
    }
    store(tile, r, sums);
  }
}
