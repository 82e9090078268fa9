#include "f32_conv2d.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE TARGET static inline __attribute__((always_inline))

// Loops over registers, their counts known once inlined.
#define UNROLLED(i, n) _Pragma("clang loop unroll(full)") for (size_t i = 0; i < (n); i++)

enum { MOST_PIXELS = 16, GRADIENT_CHANNELS = 8, GRADIENT_ROWS = 8 };

/// Where a row of results begins in the padded image, and how far taps lie apart, in floats.
typedef struct {
  size_t row, plane, groups, kernel_height, kernel_width, packed_row;
} walk;

/// A tile of `pixels` results by `vectors` groups of channels; every weight is loaded once, every number of
/// the image is broadcast from memory.
INLINE void tile(const walk *w, size_t pixels, size_t vectors, size_t stride, const float *x,
                 const float *packed, float *y, size_t channels) {
  __m512 sum[MOST_PIXELS][2];
  UNROLLED(p, pixels)
  UNROLLED(v, vectors) sum[p][v] = _mm512_setzero_ps();
  for (size_t row = 0; row < w->kernel_height; row++)
    for (size_t group = 0; group < w->groups; group++) {
      const float *taps = x + row * w->row + group * w->plane;
      for (size_t tap = 0; tap < w->kernel_width * GROUP; tap++, packed += vectors * GROUP) {
        __m512 weight[2];
        UNROLLED(v, vectors) weight[v] = _mm512_load_ps(packed + v * GROUP);
        UNROLLED(p, pixels) {
          const __m512 value = _mm512_set1_ps(taps[p * stride * GROUP + tap]);
          UNROLLED(v, vectors) sum[p][v] = _mm512_fmadd_ps(value, weight[v], sum[p][v]);
        }
      }
    }
  UNROLLED(p, pixels)
  UNROLLED(v, vectors) _mm512_storeu_ps(y + p * channels + v * GROUP, sum[p][v]);
}

INLINE void image(const qk_f32_conv2d *c, size_t pixels, size_t vectors, size_t stride, const float *padded,
                  const float *packed, float *y) {
  const size_t width = qk_f32_padded_width(c), panel = vectors * GROUP;
  const size_t taps = c->channels * c->kernel_height * c->kernel_width;
  const walk w = {
      .row = width * GROUP,
      .plane = qk_f32_padded_height(c) * width * GROUP,
      .groups = c->channels / GROUP,
      .kernel_height = c->kernel_height,
      .kernel_width = c->kernel_width,
  };
  for (size_t i = 0; i < c->out_height; i++)
    for (size_t o = 0; o < c->out_channels; o += panel)
      for (size_t j = 0; j < c->out_width; j += pixels)
        tile(&w, pixels, vectors, stride, padded + (i * width + j) * stride * GROUP, packed + o * taps,
             y + (i * c->out_width + j) * c->out_channels + o, c->out_channels);
}

TARGET void qk_f32_conv2d_image__avx512(const qk_f32_conv2d *c, const float *padded, const float *packed,
                                        float *y) {
  const bool wide = c->out_width % MOST_PIXELS == 0;
  if (qk_f32_panel_groups(c) == 2) {
    if (c->stride == 1) image(c, PIXELS, 2, 1, padded, packed, y);
    if (c->stride == 2) image(c, PIXELS, 2, 2, padded, packed, y);
  } else if (wide) {
    if (c->stride == 1) image(c, MOST_PIXELS, 1, 1, padded, packed, y);
    if (c->stride == 2) image(c, MOST_PIXELS, 1, 2, padded, packed, y);
  } else {
    if (c->stride == 1) image(c, PIXELS, 1, 1, padded, packed, y);
    if (c->stride == 2) image(c, PIXELS, 1, 2, padded, packed, y);
  }
}

/// The sums of one tap, of `channels` input and `vectors` groups of output channels, over all pixels.
INLINE void gradient_tile(const qk_f32_conv2d *c, size_t channels, size_t vectors, size_t stride,
                          const float *x, const float *dy, float *sums) {
  const size_t row = qk_f32_padded_width(c) * stride * GROUP, panel = vectors * GROUP;
  __m512 sum[GROUP][2];
  UNROLLED(i, channels)
  UNROLLED(v, vectors) sum[i][v] = _mm512_load_ps(sums + i * panel + v * GROUP);
  for (size_t y = 0; y < c->out_height; y++, x += row)
    for (size_t p = 0; p < c->out_width; p++, dy += c->out_channels) {
      __m512 slope[2];
      UNROLLED(v, vectors) slope[v] = _mm512_loadu_ps(dy + v * GROUP);
      UNROLLED(i, channels) {
        const __m512 value = _mm512_set1_ps(x[p * stride * GROUP + i]);
        UNROLLED(v, vectors) sum[i][v] = _mm512_fmadd_ps(value, slope[v], sum[i][v]);
      }
    }
  UNROLLED(i, channels)
  UNROLLED(v, vectors) _mm512_store_ps(sums + i * panel + v * GROUP, sum[i][v]);
}

/// The sums of three neighbouring taps in the course of one row: `slope` holds the gradients of the results
/// that a pixel has to do with under the first, second and third of them.
typedef struct {
  __m512 sum[3][GRADIENT_CHANNELS][2], slope[3][2];
} triple;

/// Adds one pixel under the taps from `first` to `last`, and moves on.
INLINE void add_pixel(triple *t, size_t first, size_t last, size_t channels, size_t vectors, const float *x) {
  UNROLLED(i, channels) {
    const __m512 value = _mm512_set1_ps(x[i]);
    UNROLLED(tap, 3) {
      if (tap < first || tap > last) continue;
      UNROLLED(v, vectors) t->sum[tap][i][v] = _mm512_fmadd_ps(value, t->slope[tap][v], t->sum[tap][i][v]);
    }
  }
  UNROLLED(v, vectors) t->slope[2][v] = t->slope[1][v], t->slope[1][v] = t->slope[0][v];
}

/// Asks for what comes next in memory, a few lines at a time.
typedef struct {
  const float *next;
  size_t lines;
} prefetch;

INLINE void advance(prefetch *ahead) {
  for (size_t i = 0; i < ahead->lines; i++, ahead->next += GROUP)
    _mm_prefetch((const char *)ahead->next, _MM_HINT_T1);
}

/// The same as `gradient_tile` for three taps side by side and a stride of 1, over some rows of results: each
/// number that is loaded is used three times.
INLINE void gradient_triple(const qk_f32_conv2d *c, size_t rows, size_t channels, size_t vectors,
                            const float *x, const float *dy, prefetch *ahead, float *sums) {
  const size_t row = qk_f32_padded_width(c) * GROUP, panel = vectors * GROUP, width = c->out_width;
  triple t;
  UNROLLED(tap, 3) {
    UNROLLED(i, channels) {
      UNROLLED(v, vectors) t.sum[tap][i][v] = _mm512_load_ps(sums + (tap * GROUP + i) * panel + v * GROUP);
    }
  }
  for (size_t y = 0; y < rows; y++, x += row) {
    advance(ahead);
    for (size_t p = 0; p < 2; p++, dy += c->out_channels) {
      UNROLLED(v, vectors) t.slope[0][v] = _mm512_loadu_ps(dy + v * GROUP);
      if (p == 0) add_pixel(&t, 0, 0, channels, vectors, x);
      if (p == 1) add_pixel(&t, 0, 1, channels, vectors, x + GROUP);
    }
    for (size_t p = 2; p < width; p++, dy += c->out_channels) {
      UNROLLED(v, vectors) t.slope[0][v] = _mm512_loadu_ps(dy + v * GROUP);
      add_pixel(&t, 0, 2, channels, vectors, x + p * GROUP);
    }
    add_pixel(&t, 1, 2, channels, vectors, x + width * GROUP);
    add_pixel(&t, 2, 2, channels, vectors, x + (width + 1) * GROUP);
  }
  UNROLLED(tap, 3) {
    UNROLLED(i, channels) {
      UNROLLED(v, vectors) _mm512_store_ps(sums + (tap * GROUP + i) * panel + v * GROUP, t.sum[tap][i][v]);
    }
  }
}

/// All taps of a 3x3 kernel with a stride of 1, a few rows after the others, which stay near while every tap
/// passes over them; meanwhile the image behind this one is fetched.
INLINE void image_triples(const qk_f32_conv2d *c, size_t channels, size_t vectors, const float *padded,
                          const float *dy, const float *next, float *sums) {
  const size_t width = qk_f32_padded_width(c), plane = qk_f32_padded_height(c) * width * GROUP;
  const size_t panel = vectors * GROUP, height = c->out_height;
  const size_t passes = qk_f32_conv2d_weights(c) / (3 * channels * panel) * height;
  prefetch ahead = {next, (c->height * c->width * c->channels / GROUP + passes - 1) / passes};
  for (size_t top = 0; top < height; top += GRADIENT_ROWS) {
    const size_t rows = height - top < GRADIENT_ROWS ? height - top : GRADIENT_ROWS;
    const float *slopes = dy + top * c->out_width * c->out_channels;
    float *to = sums;
    for (size_t o = 0; o < c->out_channels; o += panel)
      for (size_t row = 0; row < c->kernel_height; row++)
        for (size_t group = 0; group < c->channels / GROUP; group++, to += 3 * GROUP * panel) {
          const float *x = padded + group * plane + (top + row) * width * GROUP;
          for (size_t i = 0; i < GROUP; i += channels)
            gradient_triple(c, rows, channels, vectors, x + i, slopes + o, &ahead, to + i * panel);
        }
  }
}

INLINE void image_gradient(const qk_f32_conv2d *c, size_t channels, size_t vectors, size_t stride,
                           const float *padded, const float *dy, const float *next, float *sums) {
  const size_t width = qk_f32_padded_width(c), plane = qk_f32_padded_height(c) * width * GROUP;
  const size_t panel = vectors * GROUP;
  if (stride == 1 && c->kernel_width == 3)
    return image_triples(c, channels / 2, vectors, padded, dy, next, sums);
  for (size_t o = 0; o < c->out_channels; o += panel)
    for (size_t row = 0; row < c->kernel_height; row++)
      for (size_t group = 0; group < c->channels / GROUP; group++) {
        const float *x = padded + group * plane + row * width * GROUP;
        for (size_t column = 0; column < c->kernel_width; column++)
          for (size_t i = 0; i < GROUP; i += channels)
            gradient_tile(c, channels, vectors, stride, x + column * GROUP + i, dy + o,
                          sums + (column * GROUP + i) * panel);
        sums += c->kernel_width * GROUP * panel;
      }
}

TARGET void qk_f32_conv2d_image_gradient__avx512(const qk_f32_conv2d *c, const float *padded, const float *dy,
                                                 const float *next, float *sums) {
  if (qk_f32_panel_groups(c) == 2) {
    if (c->stride == 1) image_gradient(c, GRADIENT_CHANNELS, 2, 1, padded, dy, next, sums);
    if (c->stride == 2) image_gradient(c, GRADIENT_CHANNELS, 2, 2, padded, dy, next, sums);
  } else {
    if (c->stride == 1) image_gradient(c, GROUP, 1, 1, padded, dy, next, sums);
    if (c->stride == 2) image_gradient(c, GROUP, 1, 2, padded, dy, next, sums);
  }
}
#else
#include <stdlib.h>

// Never called: qk_f32_conv2d_fits() refuses everything here.
void qk_f32_conv2d_image__avx512(const qk_f32_conv2d *c, const float *padded, const float *packed, float *y) {
  (void)c, (void)padded, (void)packed, (void)y;
  abort();
}

void qk_f32_conv2d_image_gradient__avx512(const qk_f32_conv2d *c, const float *padded, const float *dy,
                                          const float *next, float *sums) {
  (void)c, (void)padded, (void)dy, (void)next, (void)sums;
  abort();
}
#endif
