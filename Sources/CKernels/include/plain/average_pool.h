#pragma once
#include "requantize.h"
#include "window.h"

/// How a window's sum becomes a byte: `multiplier` is divided by the pixels that count.
typedef struct qk_averaging {
  float multiplier;
  uint8_t x_zero_point, zero_point, lo, hi, count_include_pad;
} qk_averaging;

/// Taps of a window on the image or, if they count, its padding: along one side.
static inline int32_t qk_taps_within(int32_t first, int32_t taps, int32_t dilation, int32_t end) {
  int32_t count = 0;
  for (int32_t k = 0; k < taps; k++) count += first + k * dilation < end;
  return count;
}

/// One window, a few channels at a time.
static inline void qk_average_window(const qk_windows2d *s, const qk_averaging *a, const uint8_t *x,
                                     int32_t oy, int32_t ox, uint8_t *y) {
  enum { LANES = 16 };
  const size_t channels = (size_t)s->channels;
  int32_t padded =
      qk_taps_within(oy * s->stride_h, s->kernel_h, s->dilation_h, s->pad_top + s->height + s->pad_bottom) *
      qk_taps_within(ox * s->stride_w, s->kernel_w, s->dilation_w, s->pad_left + s->width + s->pad_right);
  for (size_t first = 0; first < channels; first += LANES) {
    const size_t lanes = channels - first < LANES ? channels - first : LANES;
    int32_t sums[LANES] = {0}, pixels = 0;
    for (int32_t ky = 0; ky < s->kernel_h; ky++)
      for (int32_t kx = 0; kx < s->kernel_w; kx++) {
        const uint8_t *tap = qk_window_tap(s, x, oy, ox, ky, kx);
        if (!tap) continue;
        pixels++;
        for (size_t c = 0; c < lanes; c++) sums[c] += tap[first + c];
      }
    const float multiplier = a->multiplier / (float)(a->count_include_pad ? padded : pixels);
    for (size_t c = 0; c < lanes; c++)
      y[first + c] =
          qk_requantize(sums[c] - pixels * a->x_zero_point, multiplier, a->zero_point, a->lo, a->hi);
  }
}

static inline void qk_average_pool_image(const qk_windows2d *s, const qk_averaging *a, const uint8_t *x,
                                         uint8_t *y) {
  for (int32_t oy = 0; oy < s->out_height; oy++)
    for (int32_t ox = 0; ox < s->out_width; ox++, y += s->channels) qk_average_window(s, a, x, oy, ox, y);
}
