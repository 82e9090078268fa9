#pragma once
#include "layer.h"
#include "window.h"

enum { QK_LANES = 8 };

/// sums += x * w for `lanes` channels, mostly QK_LANES: compilers make vector instructions of that.
static inline void qk_add_tap(size_t lanes, const uint8_t *x, const int8_t *w, int32_t sums[QK_LANES]) {
  if (lanes == QK_LANES) {
    for (size_t c = 0; c < QK_LANES; c++) sums[c] += (int16_t)(x[c] * w[c]);
  } else {
    for (size_t c = 0; c < lanes; c++) sums[c] += (int16_t)(x[c] * w[c]);
  }
}

/// A convolution of one image, a filter for each channel: weights [kernel_h, kernel_w, channels].
static inline void qk_depthwise_image(const qk_layer *layer, const qk_windows2d *s, const uint8_t *x,
                                      void *y) {
  size_t channels = (size_t)s->channels, index = 0;
  uint8_t padding[QK_LANES];
  for (size_t c = 0; c < QK_LANES; c++) padding[c] = layer->x_zero_point;
  for (int32_t oy = 0; oy < s->out_height; oy++)
    for (int32_t ox = 0; ox < s->out_width; ox++, index += channels)
      for (size_t first = 0; first < channels; first += QK_LANES) {
        size_t lanes = channels - first < QK_LANES ? channels - first : QK_LANES;
        const int8_t *w = layer->weights + first;
        int32_t sums[QK_LANES] = {0};
        for (int32_t ky = 0; ky < s->kernel_h; ky++)
          for (int32_t kx = 0; kx < s->kernel_w; kx++, w += channels) {
            const uint8_t *tap = qk_window_tap(s, x, oy, ox, ky, kx);
            qk_add_tap(lanes, tap ? tap + first : padding, w, sums);
          }
        for (size_t c = 0; c < lanes; c++) qk_layer_store(layer, first + c, sums[c], y, index + first + c);
      }
}
