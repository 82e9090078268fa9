#if defined(__x86_64__)
// Quads by vpdpbusd, 16 channels in a vector, over tiles of neighbouring pixels that share loaded weights.
#include "../cpu/narrow_avx512.h"
#include "quads.h"

enum { VECTOR = 64, LANES = QK_QUAD_LANES };

#define UNROLL _Pragma("clang loop unroll(full)")

/// Interleaving bytes, then pairs, works within 128-bit quarters: vector j gets dword j of each quarter.
QK_AVX512_INLINE void interleave_64(__m512i a, __m512i b, __m512i c, __m512i d, __m512i quads[4]) {
  a = qk_exchange_dwords_avx512(a);
  b = qk_exchange_dwords_avx512(b);
  c = qk_exchange_dwords_avx512(c);
  d = qk_exchange_dwords_avx512(d);
  __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  quads[0] = _mm512_unpacklo_epi16(ab_low, cd_low);
  quads[1] = _mm512_unpackhi_epi16(ab_low, cd_low);
  quads[2] = _mm512_unpacklo_epi16(ab_high, cd_high);
  quads[3] = _mm512_unpackhi_epi16(ab_high, cd_high);
}

QK_AVX512 void qk_interleave_quads__avx512(const uint8_t *const rows[QK_QUAD], size_t runs, size_t run_bytes,
                                           size_t run_step, uint32_t *quads) {
  for (size_t r = 0; r < runs; r++, quads += run_bytes) {
    const uint8_t *a = rows[0] + r * run_step, *b = rows[1] + r * run_step;
    const uint8_t *c = rows[2] + r * run_step, *d = rows[3] + r * run_step;
    __m512i interleaved[4];
    size_t i = 0;
    for (; i + VECTOR <= run_bytes; i += VECTOR) {
      interleave_64(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i), _mm512_loadu_si512(c + i),
                    _mm512_loadu_si512(d + i), interleaved);
      UNROLL for (size_t j = 0; j < 4; j++) _mm512_storeu_si512(quads + i + j * LANES, interleaved[j]);
    }
    if (i == run_bytes) continue;
    __mmask64 rest = qk_byte_lanes(run_bytes - i);
    interleave_64(_mm512_maskz_loadu_epi8(rest, a + i), _mm512_maskz_loadu_epi8(rest, b + i),
                  _mm512_maskz_loadu_epi8(rest, c + i), _mm512_maskz_loadu_epi8(rest, d + i), interleaved);
    UNROLL for (size_t j = 0; j < 4; j++)
        _mm512_mask_storeu_epi32(quads + i + j * LANES, (__mmask16)(rest >> j * LANES), interleaved[j]);
  }
}

/// Everything about a strip that loops need, by value, so that it stays in registers. Steps are in bytes.
typedef struct walk {
  size_t kernel_w, row_groups, weights_step;
  size_t column_step, row_group_step, row_step, unit_step;  // among quads
  size_t y_unit_step, y_row_step;
  size_t units;  // groups of `repeats` pixels in a row
  bool is_bytes, is_f32;
} walk;

/// A packed block, and where its lanes stand.
typedef struct block {
  const char *packed;  // bias', multiplier, weights
  const char *quads;
  char *y;
  __mmask16 lanes, last_lanes;  // of a unit, of the last unit in a row
} block;

/// What is known when a loop is compiled.
typedef struct variant {
  size_t rows;  // of a strip
  bool shares;  // the rows of a strip share quads
  bool is_3x3;
  bool slides;  // the next column of a unit is the same column of the next unit
} variant;

/// `count` units from `first` on, in each row of a strip; units past those repeat the last one.
typedef struct tile {
  size_t first, count, width;
  bool is_whole;  // no unit or lane is missing
} tile;

/// An address the compiler knows nothing about: else it would keep all sums of steps, more than there are
/// registers.
#define OPAQUE(address) __asm__("" : "+r"(address))

/// Sums [rows][width] of a tile.
QK_AVX512_INLINE void sum_tile(const variant v, const walk s, const block b, const tile t, __m512i *sums) {
  const size_t kernel_w = v.is_3x3 ? 3 : s.kernel_w, row_groups = v.is_3x3 ? 1 : s.row_groups;
  const __m512i bias = _mm512_loadu_si512(b.packed);
  size_t units[4];
  UNROLL for (size_t i = 0; i < t.width; i++) units[i] =
      (t.is_whole || i < t.count ? i : t.count - 1) * s.unit_step;
  UNROLL for (size_t n = 0; n < v.rows * t.width; n++) sums[n] = bias;
  const char *weights = b.packed + 2 * VECTOR, *column = b.quads + t.first * s.unit_step;
  for (size_t k = 0; k < kernel_w; k++, column += s.column_step) {
    const char *group = column;
    for (size_t g = 0; g < row_groups; g++, group += s.row_group_step, weights += s.weights_step) {
      OPAQUE(group);
      const char *rows[2] = {group, group};
      if (!v.shares) {
        rows[1] += s.row_step;
        OPAQUE(rows[1]);
      }
      UNROLL for (size_t i = 0; i < t.width; i++) UNROLL for (size_t r = 0; r < v.rows; r++) {
        __m512i quads = _mm512_loadu_si512(rows[r] + units[i]);
        __m512i w = _mm512_loadu_si512(weights + (v.shares ? r * VECTOR : 0));
        sums[r * t.width + i] = _mm512_dpbusd_epi32(sums[r * t.width + i], quads, w);
      }
    }
  }
}

/// The same for a whole tile of 3 columns that slide: those that units have in common are loaded once.
QK_AVX512_INLINE void sum_sliding_tile(const variant v, const walk s, const block b, const tile t,
                                       __m512i *sums) {
  const char *quads = b.quads + t.first * s.unit_step;
  __m512i columns[6];
  UNROLL for (size_t i = 0; i < t.width + 2; i++, quads += s.unit_step) columns[i] =
      _mm512_loadu_si512(quads);
  UNROLL for (size_t r = 0; r < v.rows; r++) UNROLL for (size_t i = 0; i < t.width; i++) {
    const char *weights = b.packed + (2 + r) * VECTOR;
    __m512i sum = _mm512_loadu_si512(b.packed);
    UNROLL for (size_t k = 0; k < 3; k++) sum =
        _mm512_dpbusd_epi32(sum, columns[i + k], _mm512_loadu_si512(weights + k * s.weights_step));
    sums[r * t.width + i] = sum;
  }
}

QK_AVX512_INLINE __mmask16 lanes_of(const walk s, const block b, size_t unit) {
  return unit + 1 == s.units ? b.last_lanes : b.lanes;
}

QK_AVX512_INLINE void store_words(const variant v, const walk s, const block b, const tile t,
                                  const __m512i *sums) {
  UNROLL for (size_t n = 0; n < v.rows * t.width; n++) {
    const size_t row = n / t.width, at = n % t.width;
    if (at >= t.count) continue;
    __m512i sum = sums[n];
    if (s.is_f32) {
      __m512 multiplier = _mm512_loadu_ps(b.packed + VECTOR);
      sum = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(sum), multiplier));
    }
    char *y = b.y + row * s.y_row_step + (t.first + at) * s.y_unit_step;
    _mm512_mask_storeu_epi32(y, lanes_of(s, b, t.first + at), sum);
  }
}

QK_AVX512_INLINE void store_bytes(const variant v, const walk s, const block b, const tile t,
                                  const qk_bytes_avx512 to_bytes, const __m512i *sums) {
  const __m512 multiplier = _mm512_loadu_ps(b.packed + VECTOR);
  const __m512 multipliers[4] = {multiplier, multiplier, multiplier, multiplier};
  char *row = b.y + t.first * s.y_unit_step;
  UNROLL for (size_t n = 0; n < v.rows * t.width; n += 4) {
    __m512i bytes = qk_exchange_dwords_avx512(qk_requantize_bytes_avx512(sums + n, multipliers, &to_bytes));
    __asm__("" : "+v"(bytes));  // else each quarter would be permuted by itself
    const __m128i quarters[4] = {_mm512_castsi512_si128(bytes), _mm512_extracti32x4_epi32(bytes, 1),
                                 _mm512_extracti32x4_epi32(bytes, 2), _mm512_extracti32x4_epi32(bytes, 3)};
    UNROLL for (size_t i = 0; i < 4; i++) {
      const size_t at = (n + i) % t.width;
      if (n + i > 0 && at == 0) row += s.y_row_step;
      if (at == 0) OPAQUE(row);
      if (t.is_whole)
        _mm_storeu_si128((__m128i *)(row + at * s.y_unit_step), quarters[i]);
      else if (at < t.count)
        _mm_mask_storeu_epi8(row + at * s.y_unit_step, lanes_of(s, b, t.first + at), quarters[i]);
    }
  }
}

QK_AVX512_INLINE void convolve_tile(const variant v, const walk s, const block b, const tile t,
                                    const qk_bytes_avx512 to_bytes) {
  __m512i sums[8];
  if (v.slides && t.is_whole)
    sum_sliding_tile(v, s, b, t, sums);
  else
    sum_tile(v, s, b, t, sums);
  if (s.is_bytes)
    store_bytes(v, s, b, t, to_bytes, sums);
  else
    store_words(v, s, b, t, sums);
}

QK_AVX512_INLINE void convolve_block(const variant v, const walk s, const block b,
                                     const qk_bytes_avx512 to_bytes) {
  const size_t least = 4 / v.rows;  // units of the narrowest tile
  size_t whole = b.lanes != 0xffff ? 0 : b.last_lanes != 0xffff ? s.units - 1 : s.units, unit = 0;
  for (; unit + 4 <= whole; unit += 4) convolve_tile(v, s, b, (tile){unit, 4, 4, true}, to_bytes);
  if (least < 4 && unit + least <= whole) {
    convolve_tile(v, s, b, (tile){unit, least, least, true}, to_bytes);
    unit += least;
  }
  for (size_t count; unit < s.units; unit += count) {
    count = s.units - unit < least ? s.units - unit : least;
    convolve_tile(v, s, b, (tile){unit, count, least, false}, to_bytes);
  }
}

QK_AVX512_INLINE void convolve_strip(const variant v, const qk_quads_strip *strip) {
  const size_t quad = sizeof *strip->quads, size = qk_output_size(strip->output);
  const walk s = {
      .kernel_w = strip->kernel_w,
      .row_groups = strip->row_groups,
      .weights_step = strip->packed_rows * VECTOR,
      .column_step = strip->column_step * quad,
      .row_group_step = strip->row_group_step * quad,
      .row_step = strip->row_step * quad,
      .unit_step = strip->repeats * strip->pixel_step * quad,
      .y_unit_step = strip->repeats * strip->y_pixel_step * size,
      .y_row_step = strip->y_row_step * size,
      .units = strip->units,
      .is_bytes = qk_output_is_bytes(strip->output),
      .is_f32 = strip->output->kind == QK_OUTPUT_F32,
  };
  const size_t block_bytes = qk_quads_block_bytes(s.kernel_w * s.row_groups, strip->packed_rows);
  const size_t lanes = strip->channels * strip->repeats;
  const qk_bytes_avx512 to_bytes = qk_bytes_avx512_of(strip->output);
  block b = {.packed = strip->packed, .quads = (const char *)strip->quads, .y = strip->y};
  for (size_t first = 0; first < lanes; first += LANES) {
    b.lanes = qk_lanes(lanes - first);
    b.last_lanes =
        strip->last_pixels < strip->repeats ? qk_lanes(strip->last_pixels * strip->channels) : b.lanes;
    convolve_block(v, s, b, to_bytes);
    b.packed += block_bytes;
    b.quads += LANES * quad;
    b.y += LANES * size;
  }
}

#define CONVOLVE(name, rows, shares, is_3x3, slides)                \
  QK_AVX512 static void name(const qk_quads_strip *strip) {         \
    convolve_strip((variant){rows, shares, is_3x3, slides}, strip); \
  }
CONVOLVE(convolve_row, 1, true, false, false)
CONVOLVE(convolve_rows, 2, false, false, false)
CONVOLVE(convolve_sharing_rows, 2, true, false, false)
CONVOLVE(convolve_row_3x3, 1, true, true, false)
CONVOLVE(convolve_rows_3x3, 2, false, true, false)
CONVOLVE(convolve_sharing_rows_3x3, 2, true, true, false)
CONVOLVE(slide_row_3x3, 1, true, true, true)
CONVOLVE(slide_sharing_rows_3x3, 2, true, true, true)

void qk_depthwise_u8s8_ukernel_16q__avx512vnni(const qk_quads_strip *s) {
  const bool shares = s->row_step == 0, slides = s->repeats == 1 && s->pixel_step == s->column_step;
  if (s->kernel_w != 3 || s->row_groups != 1)
    (s->rows == 1 ? convolve_row : shares ? convolve_sharing_rows : convolve_rows)(s);
  else if (slides && (s->rows == 1 || shares))
    (s->rows == 1 ? slide_row_3x3 : slide_sharing_rows_3x3)(s);
  else
    (s->rows == 1 ? convolve_row_3x3 : shares ? convolve_sharing_rows_3x3 : convolve_rows_3x3)(s);
}
#endif
