#pragma once
#include <string.h>

#include "product.h"
#include "window.h"

/// The bytes [kernel_h, kernel_w, count] that a window reads, from its first channel on, with the zero point
/// for the padding: where they lie if they lie together, else copied to `window`.
static inline const uint8_t *qk_window_bytes(const qk_windows2d *s, const uint8_t *x, int32_t oy, int32_t ox,
                                             size_t count, uint8_t zero_point, uint8_t *window) {
  size_t row = (size_t)s->kernel_w * count;
  int is_run = s->kernel_w == 1 || (s->dilation_w == 1 && count == (size_t)s->channels);
  for (int32_t ky = 0; ky < s->kernel_h; ky++) {
    const uint8_t *first = qk_window_tap(s, x, oy, ox, ky, 0);
    if (is_run && first && qk_window_tap(s, x, oy, ox, ky, s->kernel_w - 1)) {
      if (s->kernel_h == 1) return first;
      memcpy(window + (size_t)ky * row, first, row);
      continue;
    }
    for (int32_t kx = 0; kx < s->kernel_w; kx++) {
      uint8_t *to = window + (size_t)ky * row + (size_t)kx * count;
      const uint8_t *tap = qk_window_tap(s, x, oy, ox, ky, kx);
      if (tap)
        memcpy(to, tap, count);
      else
        memset(to, zero_point, count);
    }
  }
  return window;
}

/// A convolution of one image with weights [outputs, kernel_h, kernel_w, channels / groups]. `window` has
/// room for one output's weights.
static inline void qk_conv2d_image(const qk_layer *layer, const qk_windows2d *s, size_t groups,
                                   size_t outputs, const uint8_t *x, void *y, uint8_t *window) {
  size_t inputs = (size_t)s->channels / groups, each = outputs / groups, index = 0;
  size_t depth = (size_t)s->kernel_h * (size_t)s->kernel_w * inputs;
  for (int32_t oy = 0; oy < s->out_height; oy++)
    for (int32_t ox = 0; ox < s->out_width; ox++)
      for (size_t g = 0; g < groups; g++, index += each) {
        const uint8_t *bytes =
            qk_window_bytes(s, x + g * inputs, oy, ox, inputs, layer->x_zero_point, window);
        qk_layer_outputs(layer, depth, g * each, each, bytes, y, index);
      }
}
