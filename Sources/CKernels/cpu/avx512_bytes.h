#pragma once
// 64 bytes as four vectors of floats, and back. Include in files for x86-64 only.
#include "avx512.h"

/// Vector q holds bytes 4q to 4q + 3 of every 128-bit lane: the order in which packs put them together again.
typedef struct qk_quarters_avx512 {
  __m512 q[4];
} qk_quarters_avx512;

/// f32(x - zero_point), exact: a byte below the high half of the bits of 2^23 is that much above 2^23.
QK_AVX512_INLINE qk_quarters_avx512 qk_floats_avx512(__m512i x, uint8_t zero_point) {
  const __m512i zeros = _mm512_setzero_si512();
  const __m512i above = _mm512_set1_epi16(0x4b00);
  const __m512 minus = _mm512_set1_ps(8388608.0f + (float)zero_point);
  __m512i low = _mm512_unpacklo_epi8(x, zeros), high = _mm512_unpackhi_epi8(x, zeros);
  return (qk_quarters_avx512){
      {_mm512_sub_ps(_mm512_castsi512_ps(_mm512_unpacklo_epi16(low, above)), minus),
       _mm512_sub_ps(_mm512_castsi512_ps(_mm512_unpackhi_epi16(low, above)), minus),
       _mm512_sub_ps(_mm512_castsi512_ps(_mm512_unpacklo_epi16(high, above)), minus),
       _mm512_sub_ps(_mm512_castsi512_ps(_mm512_unpackhi_epi16(high, above)), minus)}};
}

/// A zero point and bounds for 64 bytes.
typedef struct qk_byte_range_avx512 {
  __m512i zero_point, lo, hi;
} qk_byte_range_avx512;

QK_AVX512_INLINE qk_byte_range_avx512 qk_byte_range_avx512_of(uint8_t zero_point, uint8_t lo, uint8_t hi) {
  return (qk_byte_range_avx512){_mm512_set1_epi16(zero_point), _mm512_set1_epi8((char)lo),
                                _mm512_set1_epi8((char)hi)};
}

/// clamp(rne(t) + zero_point, lo, hi) for numbers below 2^31 in magnitude: packing saturates by itself.
QK_AVX512_INLINE __m512i qk_pack_avx512(const qk_quarters_avx512 *t, const qk_byte_range_avx512 *range) {
  __m512i low = _mm512_packs_epi32(_mm512_cvtps_epi32(t->q[0]), _mm512_cvtps_epi32(t->q[1]));
  __m512i high = _mm512_packs_epi32(_mm512_cvtps_epi32(t->q[2]), _mm512_cvtps_epi32(t->q[3]));
  low = _mm512_adds_epi16(low, range->zero_point);
  high = _mm512_adds_epi16(high, range->zero_point);
  __m512i bytes = _mm512_packus_epi16(low, high);
  return _mm512_min_epu8(_mm512_max_epu8(bytes, range->lo), range->hi);
}

/// The same where t->q[q] holds numbers 16q to 16q + 15.
QK_AVX512_INLINE __m512i qk_pack_in_order_avx512(const qk_quarters_avx512 *t,
                                                 const qk_byte_range_avx512 *range) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, qk_pack_avx512(t, range));
}
