#pragma once
#include <stddef.h>
#include <stdint.h>

/// An image [pixels, channels] to [channels, pixels].
static inline void qk_flatten_image(size_t pixels, size_t channels, const uint8_t *x, uint8_t *y) {
  for (size_t channel = 0; channel < channels; channel++)
    for (size_t pixel = 0; pixel < pixels; pixel++) *y++ = x[pixel * channels + channel];
}
