#if defined(__x86_64__)
#include "../cpu/avx2_bytes.h"
#include "layer_norm.h"

QK_AVX2_INLINE uint64_t add_lanes(__m256i sums) {
  __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
  return (uint64_t)_mm_cvtsi128_si64(_mm_add_epi64(half, _mm_unpackhi_epi64(half, half)));
}

/// Squares come in pairs of 16-bit products, and 32-bit sums of them overflow within a long row.
QK_AVX2_INLINE __m256i squares_of(__m256i bytes) {
  const __m256i zeros = _mm256_setzero_si256();
  __m256i low = _mm256_unpacklo_epi8(bytes, zeros), high = _mm256_unpackhi_epi8(bytes, zeros);
  __m256i squares = _mm256_add_epi32(_mm256_madd_epi16(low, low), _mm256_madd_epi16(high, high));
  return _mm256_add_epi64(_mm256_unpacklo_epi32(squares, zeros), _mm256_unpackhi_epi32(squares, zeros));
}

QK_AVX2_INLINE qk_row_norm norm_of(size_t n, const uint8_t *x, double epsilon) {
  __m256i sums = _mm256_setzero_si256(), squares = sums;
  for (size_t i = 0; i < n; i += 32) {
    __m256i bytes =
        n - i >= 32 ? _mm256_loadu_si256((const __m256i *)(x + i)) : qk_load_tail_avx2(x + i, n - i);
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
    squares = _mm256_add_epi64(squares, squares_of(bytes));
  }
  return qk_row_norm_of(n, (uint32_t)add_lanes(sums), add_lanes(squares), epsilon);
}

/// 8 columns, in their order.
QK_AVX2_INLINE __m256 normalize(const qk_row_norm *norm, const uint8_t *x, const float *gamma,
                                const float *beta) {
  __m256i number = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x));
  __m256 t = _mm256_cvtepi32_ps(_mm256_sub_epi32(number, _mm256_set1_epi32(norm->whole)));
  t = _mm256_mul_ps(_mm256_sub_ps(t, _mm256_set1_ps(norm->fraction)), _mm256_set1_ps(norm->scale));
  return _mm256_add_ps(_mm256_mul_ps(t, _mm256_loadu_ps(gamma)), _mm256_loadu_ps(beta));
}

QK_AVX2_INLINE size_t normalize_to_floats(const qk_layer_norm_rows *rows, qk_row_norm norm, const uint8_t *x,
                                          float *y) {
  size_t i = 0;
  for (; i + 8 <= rows->n; i += 8)
    _mm256_storeu_ps(y + i, normalize(&norm, x + i, rows->gamma + i, rows->beta + i));
  return i;
}

QK_AVX2_INLINE size_t normalize_to_bytes(const qk_layer_norm_rows *rows, qk_row_norm norm, const uint8_t *x,
                                         uint8_t *y) {
  const qk_byte_range_avx2 range = qk_byte_range_avx2_of(rows->zero_point, rows->lo, rows->hi);
  size_t i = 0;
  for (; i + 32 <= rows->n; i += 32) {
    qk_quarters_avx2 t;
    for (size_t q = 0; q < 4; q++) {
      size_t start = i + 8 * q;
      t.q[q] = normalize(&norm, x + start, rows->gamma + start, rows->beta + start);
    }
    _mm256_storeu_si256((__m256i *)(y + i), qk_pack_in_order_avx2(&t, &range));
  }
  return i;
}

QK_AVX2_TARGET void qk_layer_norm_u8_ukernel__avx2(const qk_layer_norm_rows *rows) {
  for (size_t r = 0; r < rows->count; r++) {
    const uint8_t *x = rows->x + r * rows->x_stride;
    qk_row_norm norm = norm_of(rows->n, x, rows->epsilon);
    size_t done = rows->y ? normalize_to_bytes(rows, norm, x, rows->y + r * rows->y_stride)
                          : normalize_to_floats(rows, norm, x, rows->floats + r * rows->y_stride);
    qk_layer_norm_columns(rows, norm, r, done);
  }
}
#endif
