#pragma once
// 32 bytes as four vectors of floats, and back. Include in files for x86-64 only.
#include <string.h>

#include "avx2.h"

/// Vector q holds bytes 4q to 4q + 3 of both 128-bit lanes: the order in which packs put them together again.
typedef struct qk_quarters_avx2 {
  __m256 q[4];
} qk_quarters_avx2;

/// f32(x - zero_point), exact: a byte below the high half of the bits of 2^23 is that much above 2^23.
QK_AVX2_INLINE qk_quarters_avx2 qk_floats_avx2(__m256i x, uint8_t zero_point) {
  const __m256i zeros = _mm256_setzero_si256();
  const __m256i above = _mm256_set1_epi16(0x4b00);
  const __m256 minus = _mm256_set1_ps(8388608.0f + (float)zero_point);
  __m256i low = _mm256_unpacklo_epi8(x, zeros), high = _mm256_unpackhi_epi8(x, zeros);
  return (qk_quarters_avx2){{_mm256_sub_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(low, above)), minus),
                             _mm256_sub_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(low, above)), minus),
                             _mm256_sub_ps(_mm256_castsi256_ps(_mm256_unpacklo_epi16(high, above)), minus),
                             _mm256_sub_ps(_mm256_castsi256_ps(_mm256_unpackhi_epi16(high, above)), minus)}};
}

/// A zero point and bounds for 32 bytes.
typedef struct qk_byte_range_avx2 {
  __m256i zero_point, lo, hi;
} qk_byte_range_avx2;

QK_AVX2_INLINE qk_byte_range_avx2 qk_byte_range_avx2_of(uint8_t zero_point, uint8_t lo, uint8_t hi) {
  return (qk_byte_range_avx2){_mm256_set1_epi16(zero_point), _mm256_set1_epi8((char)lo),
                              _mm256_set1_epi8((char)hi)};
}

/// clamp(rne(t) + zero_point, lo, hi) for numbers below 2^31 in magnitude: packing saturates by itself.
QK_AVX2_INLINE __m256i qk_pack_avx2(const qk_quarters_avx2 *t, const qk_byte_range_avx2 *range) {
  __m256i low = _mm256_packs_epi32(_mm256_cvtps_epi32(t->q[0]), _mm256_cvtps_epi32(t->q[1]));
  __m256i high = _mm256_packs_epi32(_mm256_cvtps_epi32(t->q[2]), _mm256_cvtps_epi32(t->q[3]));
  low = _mm256_adds_epi16(low, range->zero_point);
  high = _mm256_adds_epi16(high, range->zero_point);
  __m256i bytes = _mm256_packus_epi16(low, high);
  return _mm256_min_epu8(_mm256_max_epu8(bytes, range->lo), range->hi);
}

/// The same where t->q[q] holds numbers 8q to 8q + 7.
QK_AVX2_INLINE __m256i qk_pack_in_order_avx2(const qk_quarters_avx2 *t, const qk_byte_range_avx2 *range) {
  const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
  return _mm256_permutevar8x32_epi32(qk_pack_avx2(t, range), order);
}

/// The first `count` < 32 bytes of x, zeros above.
QK_AVX2_INLINE __m256i qk_load_tail_avx2(const uint8_t *x, size_t count) {
  uint8_t bytes[32] = {0};
  memcpy(bytes, x, count);
  return _mm256_loadu_si256((const __m256i *)bytes);
}

QK_AVX2_INLINE void qk_store_tail_avx2(uint8_t *y, size_t count, __m256i value) {
  uint8_t bytes[32];
  _mm256_storeu_si256((__m256i *)bytes, value);
  memcpy(y, bytes, count);
}
