#include "f32_winograd.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define INLINE TARGET static inline __attribute__((always_inline))

// Loops over registers, their counts known once inlined.
#define UNROLLED(i, n) _Pragma("clang loop unroll(full)") for (size_t i = 0; i < (n); i++)

/// The first nine columns of sixteen rows: `to` are columns of sixteen.
INLINE void transpose_kernels(const __m512 *rows, __m512 *to) {
  __m512 pairs[GROUP], fours[GROUP];
  UNROLLED(i, GROUP / 2) {
    pairs[2 * i] = _mm512_unpacklo_ps(rows[2 * i], rows[2 * i + 1]);
    pairs[2 * i + 1] = _mm512_unpackhi_ps(rows[2 * i], rows[2 * i + 1]);
  }
  // In quarter q of fours[4 i + j] is column 4 q + j of the rows from 4 i on.
  UNROLLED(i, GROUP / 2) {
    const size_t four = i / 2 * 4, half = i % 2;
    const __m512d low = _mm512_castps_pd(pairs[four + half]), high = _mm512_castps_pd(pairs[four + half + 2]);
    fours[four + 2 * half] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
    fours[four + 2 * half + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
  }
  UNROLLED(j, 4) {
    const __m512 even = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0x88);
    const __m512 odd = _mm512_shuffle_f32x4(fours[j], fours[4 + j], 0xdd);
    const __m512 later_even = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0x88);
    const __m512 later_odd = _mm512_shuffle_f32x4(fours[8 + j], fours[12 + j], 0xdd);
    to[j] = _mm512_shuffle_f32x4(even, later_even, 0x88);
    to[4 + j] = _mm512_shuffle_f32x4(odd, later_odd, 0x88);
    if (j == 0) to[8] = _mm512_shuffle_f32x4(even, later_even, 0xdd);
  }
}

/// G g: of three numbers `step` apart four, which lie as closely.
INLINE void transform_weights(const __m512 *g, size_t step, __m512 *to) {
  const __m512 half = _mm512_set1_ps(0.5f), a = g[0], b = g[step], c = g[2 * step];
  to[0] = a;
  to[step] = _mm512_mul_ps(half, _mm512_add_ps(_mm512_add_ps(a, b), c));
  to[2 * step] = _mm512_mul_ps(half, _mm512_add_ps(_mm512_sub_ps(a, b), c));
  to[3 * step] = c;
}

/// G g G^T of sixteen kernels, `step` floats apart.
INLINE void pack_kernels(const float *weights, size_t step, bool turned, size_t plane, float *to) {
  __m512 rows[GROUP], columns[9], kernels[9], wide[12], points[POINTS];
  UNROLLED(i, GROUP) rows[i] = _mm512_maskz_loadu_ps(0x1ff, weights + i * step);
  transpose_kernels(rows, columns);
  UNROLLED(tap, 9) kernels[tap] = columns[turned ? 8 - tap : tap];
  UNROLLED(y, 3) transform_weights(kernels + 3 * y, 1, wide + 4 * y);
  UNROLLED(x, 4) transform_weights(wide + x, 4, points + x);
  UNROLLED(i, POINTS) _mm512_store_ps(to + i * plane, points[i]);
}

TARGET void qk_f32_winograd_pack__avx512(const qk_f32_conv2d *c, bool turned, const float *weights,
                                         float *packed) {
  const size_t panel = GROUP * qk_f32_winograd_panel(c),
               plane = qk_f32_winograd_weight_plane(c->channels, c->out_channels);
  for (size_t o = 0; o < c->out_channels; o += GROUP)
    for (size_t i = 0; i < c->channels; i++) {
      float *to = packed + (o / panel * c->channels + i) * panel + o % panel;
      if (turned)
        pack_kernels(weights + 9 * (i * c->out_channels + o), 9, true, plane, to);
      else
        pack_kernels(weights + 9 * (o * c->channels + i), 9 * c->channels, false, plane, to);
    }
}

/// Where a tile stands: its image, its first row and column of results.
typedef struct {
  size_t image, row, column;
} place;

INLINE place place_of(const qk_f32_conv2d *c, size_t tile) {
  const size_t across = qk_f32_winograd_across(c), down = qk_f32_winograd_down(c);
  return (place){tile / (across * down), 2 * (tile / across % down), 2 * (tile % across)};
}

INLINE place next_place(const qk_f32_conv2d *c, place at) {
  if ((at.column += 2) < c->out_width) return at;
  if ((at.row += 2) < c->out_height) return (place){at.image, at.row, 0};
  return (place){at.image + 1, 0, 0};
}

/// B^T d, of numbers `step` apart.
INLINE void transform_input(__m512 *d, size_t step) {
  const __m512 a = d[0], b = d[step], c = d[2 * step], e = d[3 * step];
  d[0] = _mm512_sub_ps(a, c);
  d[step] = _mm512_add_ps(b, c);
  d[2 * step] = _mm512_sub_ps(c, b);
  d[3 * step] = _mm512_sub_ps(b, e);
}

/// B^T d B of sixteen pixels, sixteen channels.
INLINE void transform_pixels(const float *const pixels[POINTS], size_t plane, float *to) {
  __m512 d[POINTS];
  UNROLLED(i, POINTS) d[i] = _mm512_loadu_ps(pixels[i]);
  UNROLLED(i, 4) transform_input(d + i, 4);
  UNROLLED(i, 4) transform_input(d + 4 * i, 1);
  UNROLLED(i, POINTS) _mm512_store_ps(to + i * plane, d[i]);
}

/// Asks for the pixels that the tile below will be the first to read.
INLINE void prefetch_below(const qk_f32_conv2d *c, const float *corner) {
  const float *line = corner + 4 * c->width * c->channels, *next = line + c->width * c->channels;
  for (size_t i = 0; i < 2 * c->channels; i += GROUP) {
    _mm_prefetch((const char *)(line + i), _MM_HINT_T0);
    _mm_prefetch((const char *)(next + i), _MM_HINT_T0);
  }
}

/// B^T d B of what a tile reads; outside of the image there are zeros.
INLINE void transform_tile(const qk_f32_conv2d *c, place at, const float *x, float *to) {
  static const float zeros[GROUP];
  const ptrdiff_t channels = (ptrdiff_t)c->channels, width = (ptrdiff_t)c->width,
                  height = (ptrdiff_t)c->height;
  const ptrdiff_t top = (ptrdiff_t)at.row - (ptrdiff_t)c->pad_top;
  const ptrdiff_t left = (ptrdiff_t)at.column - (ptrdiff_t)c->pad_left;
  const size_t plane = qk_f32_winograd_plane(c->channels);
  const float *corner = x + (((ptrdiff_t)at.image * height + top) * width + left) * channels;
  const bool whole = top >= 0 && top + 4 <= height && left >= 0 && left + 4 <= width;
  prefetch_below(c, corner);
  const float *pixels[POINTS];
  _Pragma("clang loop unroll(disable)") for (ptrdiff_t channel = 0; channel < channels; channel += GROUP) {
    if (whole) {
      UNROLLED(i, POINTS)
      pixels[i] = corner + ((ptrdiff_t)i / 4 * width + (ptrdiff_t)i % 4) * channels + channel;
      transform_pixels(pixels, plane, to + channel);
    } else {
      UNROLLED(i, POINTS) {
        const ptrdiff_t row = (ptrdiff_t)i / 4, column = (ptrdiff_t)i % 4;
        const bool inside =
            top + row >= 0 && top + row < height && left + column >= 0 && left + column < width;
        pixels[i] = inside ? corner + (row * width + column) * channels + channel : zeros;
      }
      transform_pixels(pixels, plane, to + channel);
    }
  }
}

/// The products of a block by two groups of output channels at one point; every number of the tiles is loaded
/// once for both.
INLINE void wide_product(size_t channels, const float *tiles, const float *weights, float *to,
                         size_t out_channels) {
  __m512 sum[BLOCK][2];
  UNROLLED(t, BLOCK) sum[t][0] = sum[t][1] = _mm512_setzero_ps();
  for (size_t i = 0; i < channels; i++, weights += 2 * GROUP) {
    const __m512 a = _mm512_load_ps(weights), b = _mm512_load_ps(weights + GROUP);
    UNROLLED(t, BLOCK) {
      const __m512 value = _mm512_set1_ps(tiles[t * channels + i]);
      sum[t][0] = _mm512_fmadd_ps(value, a, sum[t][0]);
      sum[t][1] = _mm512_fmadd_ps(value, b, sum[t][1]);
    }
  }
  UNROLLED(t, BLOCK) {
    _mm512_store_ps(to + t * out_channels, sum[t][0]);
    _mm512_store_ps(to + t * out_channels + GROUP, sum[t][1]);
  }
}

/// The products by one group of output channels at two points: as many sums, which hide the latency of
/// adding.
INLINE void narrow_products(size_t channels, const float *tiles, const float *weights, float *to,
                            size_t out_channels) {
  const size_t plane = qk_f32_winograd_plane(channels), out_plane = qk_f32_winograd_plane(out_channels);
  const float *others = weights + qk_f32_winograd_weight_plane(channels, out_channels);
  __m512 sum[BLOCK][2];
  UNROLLED(t, BLOCK) sum[t][0] = sum[t][1] = _mm512_setzero_ps();
  for (size_t i = 0; i < channels; i++) {
    const __m512 a = _mm512_load_ps(weights + i * GROUP), b = _mm512_load_ps(others + i * GROUP);
    UNROLLED(t, BLOCK) {
      const float *value = tiles + t * channels + i;
      sum[t][0] = _mm512_fmadd_ps(_mm512_set1_ps(value[0]), a, sum[t][0]);
      sum[t][1] = _mm512_fmadd_ps(_mm512_set1_ps(value[plane]), b, sum[t][1]);
    }
  }
  UNROLLED(t, BLOCK) {
    _mm512_store_ps(to + t * out_channels, sum[t][0]);
    _mm512_store_ps(to + t * out_channels + out_plane, sum[t][1]);
  }
}

INLINE void products(const qk_f32_conv2d *c, const float *from, const float *packed, float *to) {
  const size_t panel = GROUP * qk_f32_winograd_panel(c), points = panel == GROUP ? 2 : 1;
  const size_t plane = qk_f32_winograd_plane(c->channels), out_plane = qk_f32_winograd_plane(c->out_channels);
  for (size_t point = 0; point < POINTS; point += points) {
    const float *weights = packed + point * qk_f32_winograd_weight_plane(c->channels, c->out_channels);
    for (size_t o = 0; o < c->out_channels; o += panel, weights += c->channels * panel) {
      if (points == 1)
        wide_product(c->channels, from + point * plane, weights, to + point * out_plane + o, c->out_channels);
      else
        narrow_products(c->channels, from + point * plane, weights, to + point * out_plane + o,
                        c->out_channels);
    }
  }
}

/// A^T m, of numbers `step` apart: the first two.
INLINE void transform_output(__m512 *m, size_t step) {
  const __m512 a = m[0], b = m[step], c = m[2 * step], d = m[3 * step];
  m[0] = _mm512_add_ps(_mm512_add_ps(a, b), c);
  m[step] = _mm512_sub_ps(_mm512_sub_ps(b, c), d);
}

/// The end of sixteen results at `place`, of the channels from `o` on. Where relu follows a scale, it is
/// batch norm's, which has no negative zero.
INLINE void finish(const qk_f32_winograd_end *end, size_t o, __m512 v, size_t place, float *y) {
  const __m512 zero = _mm512_setzero_ps();
  if (end->bias) v = _mm512_add_ps(v, _mm512_loadu_ps(end->bias + o));
  if (end->scale)
    v = _mm512_add_ps(_mm512_mul_ps(v, _mm512_loadu_ps(end->scale + o)), _mm512_loadu_ps(end->shift + o));
  if (end->side) v = _mm512_add_ps(v, _mm512_loadu_ps(end->side + place));
  if (end->relu && end->scale) v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, zero, _CMP_NLE_UQ), v);
  if (end->relu && !end->scale) v = _mm512_max_ps(zero, v);  // of two operands, NaN is kept in the second
  _mm512_storeu_ps(y + place, v);
}

/// A^T m A: the four results of a tile, as far as they lie in the image.
INLINE void finish_tile(const qk_f32_conv2d *c, place at, const float *from, const qk_f32_winograd_end *end,
                        float *y) {
  const size_t plane = qk_f32_winograd_plane(c->out_channels);
  const bool wide = at.column + 1 < c->out_width, high = at.row + 1 < c->out_height;
  const size_t pixel = (at.image * c->out_height + at.row) * c->out_width + at.column;
  const size_t right = c->out_channels, below = c->out_width * c->out_channels;
  for (size_t o = 0; o < c->out_channels; o += GROUP) {
    const size_t to = pixel * c->out_channels + o;
    __m512 m[POINTS];
    UNROLLED(i, POINTS) m[i] = _mm512_load_ps(from + i * plane + o);
    UNROLLED(i, 4) transform_output(m + i, 4);
    UNROLLED(i, 2) transform_output(m + 4 * i, 1);
    finish(end, o, m[0], to, y);
    if (wide) finish(end, o, m[1], to + right, y);
    if (high) finish(end, o, m[4], to + below, y);
    if (wide && high) finish(end, o, m[5], to + below + right, y);
  }
}

TARGET void qk_f32_winograd_block__avx512(const qk_f32_conv2d *c, size_t first, size_t tiles, const float *x,
                                          const float *packed, const qk_f32_winograd_end *end, float *scratch,
                                          float *y) {
  float *transformed = scratch, *multiplied = scratch + POINTS * qk_f32_winograd_plane(c->channels);
  place at = place_of(c, first);
  for (size_t i = 0; i < tiles; i++, at = next_place(c, at))
    transform_tile(c, at, x, transformed + i * c->channels);
  products(c, transformed, packed, multiplied);
  at = place_of(c, first);
  for (size_t i = 0; i < tiles; i++, at = next_place(c, at))
    finish_tile(c, at, multiplied + i * c->out_channels, end, y);
}
#else
#include <stdlib.h>

// Never called: qk_f32_winograd_fits() refuses everything here.
void qk_f32_winograd_pack__avx512(const qk_f32_conv2d *c, bool turned, const float *weights, float *packed) {
  (void)c, (void)turned, (void)weights, (void)packed;
  abort();
}

void qk_f32_winograd_block__avx512(const qk_f32_conv2d *c, size_t first, size_t tiles, const float *x,
                                   const float *packed, const qk_f32_winograd_end *end, float *scratch,
                                   float *y) {
  (void)c, (void)first, (void)tiles, (void)x, (void)packed, (void)end, (void)scratch, (void)y;
  abort();
}
#endif
