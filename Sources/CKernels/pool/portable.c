#include <string.h>

#include "pool.h"

#pragma STDC FP_CONTRACT OFF

enum { BLOCK = 64 };  // channels handled together

static size_t block_at(const qk_windows *window, size_t first) {
  return window->channels - first < BLOCK ? window->channels - first : BLOCK;
}

static void max_window(const qk_windows *window, uint8_t *y) {
  for (size_t first = 0; first < window->channels; first += BLOCK) {
    size_t count = block_at(window, first);
    uint8_t largest[BLOCK] = {0};
    for (size_t i = 0; i < window->rows; i++)
      for (size_t j = 0; j < window->columns; j++) {
        const uint8_t *x = window->first + i * window->row_step + j * window->column_step + first;
        for (size_t c = 0; c < count; c++) largest[c] = x[c] > largest[c] ? x[c] : largest[c];
      }
    memcpy(y + first, largest, count);
  }
}

static void average_window(const qk_windows *window, const qk_window_average *average, uint8_t *y) {
  for (size_t first = 0; first < window->channels; first += BLOCK) {
    size_t count = block_at(window, first);
    int32_t sum[BLOCK] = {0};
    for (size_t i = 0; i < window->rows; i++)
      for (size_t j = 0; j < window->columns; j++) {
        const uint8_t *x = window->first + i * window->row_step + j * window->column_step + first;
        for (size_t c = 0; c < count; c++) sum[c] += x[c];
      }
    for (size_t c = 0; c < count; c++)
      y[first + c] = qk_requantize(sum[c] + average->bias, average->multiplier, average->zero_point,
                                   average->lo, average->hi);
  }
}

void qk_max_windows_u8_ukernel__portable(const qk_windows *windows, uint8_t *y) {
  qk_windows window = *windows;
  for (size_t i = 0; i < windows->count; i++, window.first += window.step, y += window.channels)
    max_window(&window, y);
}

void qk_average_windows_u8_ukernel__portable(const qk_windows *windows, const qk_window_average *average,
                                             uint8_t *y) {
  qk_windows window = *windows;
  for (size_t i = 0; i < windows->count; i++, window.first += window.step, y += window.channels)
    average_window(&window, average, y);
}
