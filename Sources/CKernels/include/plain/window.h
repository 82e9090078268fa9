#pragma once
#include <stddef.h>
#include <stdint.h>

/// Windows over an image [height, width, channels], and how many there are.
typedef struct qk_windows2d {
  int32_t height, width, channels, out_height, out_width;
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  int32_t pad_top, pad_left, pad_bottom, pad_right;
} qk_windows2d;

/// The pixel that tap (ky, kx) of the window at (oy, ox) reads, or NULL in the padding.
static inline const uint8_t *qk_window_tap(const qk_windows2d *s, const uint8_t *x, int32_t oy, int32_t ox,
                                           int32_t ky, int32_t kx) {
  int32_t iy = oy * s->stride_h - s->pad_top + ky * s->dilation_h;
  int32_t ix = ox * s->stride_w - s->pad_left + kx * s->dilation_w;
  if (iy < 0 || iy >= s->height || ix < 0 || ix >= s->width) return NULL;
  return x + ((size_t)iy * (size_t)s->width + (size_t)ix) * (size_t)s->channels;
}
