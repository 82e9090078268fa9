#if defined(__x86_64__)
#include "../cpu/avx512_bytes.h"
#include "layer_norm.h"

/// Parts of the sum of x and of the sum of x * (x - 128), a product of the kind the dot product instruction
/// takes.
typedef struct row_sums {
  __m512i numbers, products;
} row_sums;

QK_AVX512_INLINE void add_bytes(row_sums *sums, __m512i bytes) {
  __m512i centred = _mm512_xor_si512(bytes, _mm512_set1_epi8((char)0x80));
  sums->numbers = _mm512_dpbusd_epi32(sums->numbers, bytes, _mm512_set1_epi8(1));
  sums->products = _mm512_dpbusd_epi32(sums->products, bytes, centred);
}

QK_AVX512_INLINE qk_row_norm norm_of(size_t n, const uint8_t *x, double epsilon) {
  row_sums sums = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  size_t i = 0;
  for (; i + 64 <= n; i += 64) add_bytes(&sums, _mm512_loadu_si512(x + i));
  if (i < n) add_bytes(&sums, _mm512_maskz_loadu_epi8(qk_byte_lanes(n - i), x + i));
  uint32_t sum = (uint32_t)_mm512_reduce_add_epi32(sums.numbers);
  int64_t product = _mm512_reduce_add_epi32(sums.products);  // at most 65,536 * 255 * 127 < 2^31
  return qk_row_norm_of(n, sum, (uint64_t)(product + 128 * (int64_t)sum), epsilon);
}

/// A qk_row_norm in registers.
typedef struct row_norm {
  __m512 minus, fraction, scale;
} row_norm;

/// Four times 16 columns, in their order.
QK_AVX512_INLINE __m512 normalize(const row_norm *norm, __m128i x, __m512 gamma, __m512 beta) {
  const __m512i shift = _mm512_castps_si512(_mm512_set1_ps(8388608.0f));  // a byte there is that much above
  __m512 t = _mm512_castsi512_ps(_mm512_or_si512(_mm512_cvtepu8_epi32(x), shift));
  t = _mm512_sub_ps(_mm512_sub_ps(t, norm->minus), norm->fraction);
  return _mm512_add_ps(_mm512_mul_ps(_mm512_mul_ps(t, norm->scale), gamma), beta);
}

QK_AVX512_INLINE __m512 normalize_some(const row_norm *norm, const qk_layer_norm_rows *rows, const uint8_t *x,
                                       size_t i, __mmask16 lanes) {
  return normalize(norm, _mm_maskz_loadu_epi8(lanes, x + i), _mm512_maskz_loadu_ps(lanes, rows->gamma + i),
                   _mm512_maskz_loadu_ps(lanes, rows->beta + i));
}

QK_AVX512_INLINE void normalize_to_floats(const qk_layer_norm_rows *rows, const row_norm *norm,
                                          const uint8_t *x, float *y) {
  for (size_t i = 0; i < rows->n; i += 16) {
    __mmask16 lanes = qk_lanes(rows->n - i);
    _mm512_mask_storeu_ps(y + i, lanes, normalize_some(norm, rows, x, i, lanes));
  }
}

QK_AVX512_INLINE void normalize_to_bytes(const qk_layer_norm_rows *rows, const row_norm *norm,
                                         const uint8_t *x, uint8_t *y) {
  const qk_byte_range_avx512 range = qk_byte_range_avx512_of(rows->zero_point, rows->lo, rows->hi);
  qk_quarters_avx512 t;
  size_t i = 0;
  for (; i + 64 <= rows->n; i += 64) {
    for (size_t q = 0; q < 4; q++)
      t.q[q] = normalize(norm, _mm_loadu_si128((const __m128i *)(x + i) + q),
                         _mm512_loadu_ps(rows->gamma + i + 16 * q), _mm512_loadu_ps(rows->beta + i + 16 * q));
    _mm512_storeu_si512(y + i, qk_pack_in_order_avx512(&t, &range));
  }
  if (i == rows->n) return;
  for (size_t q = 0; q < 4; q++) {
    size_t start = i + 16 * q;
    t.q[q] = _mm512_setzero_ps();
    if (start < rows->n) t.q[q] = normalize_some(norm, rows, x, start, qk_lanes(rows->n - start));
  }
  _mm512_mask_storeu_epi8(y + i, qk_byte_lanes(rows->n - i), qk_pack_in_order_avx512(&t, &range));
}

enum { ROWS_AT_ONCE = 16 };

/// The sums of several rows come first: the way from them to a row_norm is one long chain for each row.
QK_AVX512 void qk_layer_norm_u8_ukernel__avx512vnni(const qk_layer_norm_rows *rows) {
  qk_row_norm norms[ROWS_AT_ONCE];
  for (size_t start = 0; start < rows->count; start += ROWS_AT_ONCE) {
    size_t end = rows->count - start < ROWS_AT_ONCE ? rows->count : start + ROWS_AT_ONCE;
    for (size_t r = start; r < end; r++)
      norms[r - start] = norm_of(rows->n, rows->x + r * rows->x_stride, rows->epsilon);
    for (size_t r = start; r < end; r++) {
      const qk_row_norm *of_row = &norms[r - start];
      row_norm norm = {_mm512_set1_ps(8388608.0f + (float)of_row->whole), _mm512_set1_ps(of_row->fraction),
                       _mm512_set1_ps(of_row->scale)};
      const uint8_t *x = rows->x + r * rows->x_stride;
      if (rows->y)
        normalize_to_bytes(rows, &norm, x, rows->y + r * rows->y_stride);
      else
        normalize_to_floats(rows, &norm, x, rows->floats + r * rows->y_stride);
    }
  }
}
#endif
