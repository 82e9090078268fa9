#pragma once
#include "window.h"

/// The largest byte of each window of one image.
static inline void qk_max_pool_image(const qk_windows2d *s, const uint8_t *restrict x, uint8_t *restrict y) {
  const size_t channels = (size_t)s->channels;
  for (int32_t oy = 0; oy < s->out_height; oy++)
    for (int32_t ox = 0; ox < s->out_width; ox++, y += channels) {
      for (size_t c = 0; c < channels; c++) y[c] = 0;
      for (int32_t ky = 0; ky < s->kernel_h; ky++)
        for (int32_t kx = 0; kx < s->kernel_w; kx++) {
          const uint8_t *tap = qk_window_tap(s, x, oy, ox, ky, kx);
          for (size_t c = 0; tap && c < channels; c++) y[c] = tap[c] > y[c] ? tap[c] : y[c];
        }
    }
}
