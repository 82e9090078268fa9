#pragma once
// The contract's output stage on vectors of 8 accumulators. Include in files for x86-64 only.
#include <immintrin.h>

#include "store.h"

/// What AVX2 functions are compiled for; helpers must carry no more to be inlined.
#define QK_AVX2_TARGET __attribute__((target("avx2")))
#define QK_AVX2_INLINE QK_AVX2_TARGET static inline __attribute__((always_inline))

/// A byte output in registers. s8 is made as the u8 of zero point and bounds xor 0x80.
typedef struct qk_bytes_avx2 {
  __m256 most;             // hi less the zero point
  __m256i zero_point, lo;  // 16-bit words, bytes
  __m256i flip;            // u8 to the sign of the output
} qk_bytes_avx2;

QK_AVX2_INLINE qk_bytes_avx2 qk_bytes_avx2_of(const qk_output *output) {
  const uint8_t flip = output->kind == QK_OUTPUT_S8 ? 0x80 : 0;
  const int zero_point = output->zero_point ^ flip, hi = output->hi ^ flip;
  return (qk_bytes_avx2){
      .most = _mm256_set1_ps((float)(hi - zero_point)),
      .zero_point = _mm256_set1_epi16((short)zero_point),
      .lo = _mm256_set1_epi8((char)(output->lo ^ flip)),
      .flip = _mm256_set1_epi8((char)flip),
  };
}

/// rne(min(f32(acc) * m, most)). Products are no NaN; those below the range of an int32 become its least one,
/// which narrowing turns into lo. So only the upper bound need be applied before rounding.
QK_AVX2_INLINE __m256i qk_round_avx2(__m256i acc, __m256 multiplier, const qk_bytes_avx2 *to) {
  __m256 product = _mm256_mul_ps(_mm256_cvtepi32_ps(acc), multiplier);
  return _mm256_cvtps_epi32(_mm256_min_ps(product, to->most));
}

/// rne(min(t, most)) of any numbers. NaN, too, becomes the least int32.
QK_AVX2_INLINE __m256i qk_round_numbers_avx2(__m256 t, const qk_bytes_avx2 *to) {
  return _mm256_cvtps_epi32(_mm256_min_ps(to->most, t));
}

/// Narrows four vectors of rounded numbers to 32 bytes. Packing works within 128-bit halves: each half has
/// four bytes of every vector, from the same half of it.
QK_AVX2_INLINE __m256i qk_narrow_avx2(const __m256i words[4], const qk_bytes_avx2 *to) {
  __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(words[0], words[1]), to->zero_point);
  __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(words[2], words[3]), to->zero_point);
  return _mm256_xor_si256(_mm256_max_epu8(_mm256_packus_epi16(low, high), to->lo), to->flip);
}

/// What narrowing gave, one vector after the other.
QK_AVX2_INLINE __m256i qk_in_order_avx2(__m256i bytes) {
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

/// Requantizes four vectors to 32 bytes, one vector after the other.
QK_AVX2_INLINE __m256i qk_requantize_avx2(const __m256i acc[4], const __m256 multiplier[4],
                                          const qk_bytes_avx2 *to) {
  __m256i words[4];
  for (int i = 0; i < 4; i++) words[i] = qk_round_avx2(acc[i], multiplier[i], to);
  return qk_in_order_avx2(qk_narrow_avx2(words, to));
}

/// Accumulators, or what QK_OUTPUT_F32 makes of them.
QK_AVX2_INLINE __m256i qk_output_words_avx2(const qk_output *output, __m256i acc, __m256 multiplier) {
  if (output->kind != QK_OUTPUT_F32) return acc;
  return _mm256_castps_si256(_mm256_mul_ps(_mm256_cvtepi32_ps(acc), multiplier));
}

/// The first `count` of 8 words, all of them from 8 on.
QK_AVX2_INLINE void qk_store_words_avx2(__m256i words, size_t count, int32_t *y) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  if (count >= 8)
    _mm256_storeu_si256((__m256i *)y, words);
  else
    _mm256_maskstore_epi32(y, _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lanes), words);
}
