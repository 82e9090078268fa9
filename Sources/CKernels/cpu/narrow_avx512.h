#pragma once
// The contract's output stage to bytes, 64 at once. Include in files for x86-64 only.
#include "avx512.h"

/// A byte output in registers. Only the upper bound must be held to before numbers become integers (where
/// overflow gives -2^31): all below saturates while words are narrowed.
typedef struct qk_bytes_avx512 {
  __m512 most;                   // hi less the zero point
  __m512i zero_point, lo, flip;  // words; bytes as u8; 0x80 in each byte for s8
} qk_bytes_avx512;

/// An s8 output is the u8 one of zero point and bounds xor 0x80, with every byte xor 0x80.
QK_AVX512_INLINE qk_bytes_avx512 qk_bytes_avx512_of(const qk_output *output) {
  const uint8_t flip = output->kind == QK_OUTPUT_S8 ? 0x80 : 0, zero_point = output->zero_point ^ flip;
  return (qk_bytes_avx512){_mm512_set1_ps((float)((output->hi ^ flip) - zero_point)),
                           _mm512_set1_epi16(zero_point), _mm512_set1_epi8((char)(output->lo ^ flip)),
                           _mm512_set1_epi8((char)flip)};
}

/// 64 numbers to bytes. Quarter q of the result has four bytes of each of t[0], t[1], t[2] and t[3]: those of
/// its lanes 4 q ... 4 q + 3. vminps returns its second operand for NaN, which then gives lo as the contract
/// says.
QK_AVX512_INLINE __m512i qk_saturate_bytes_avx512(const __m512 t[4], const qk_bytes_avx512 *b) {
  __m512i words[4];
  for (int i = 0; i < 4; i++) words[i] = _mm512_cvtps_epi32(_mm512_min_ps(b->most, t[i]));
  __m512i low = _mm512_add_epi16(_mm512_packs_epi32(words[0], words[1]), b->zero_point);
  __m512i high = _mm512_add_epi16(_mm512_packs_epi32(words[2], words[3]), b->zero_point);
  return _mm512_xor_si512(_mm512_max_epu8(_mm512_packus_epi16(low, high), b->lo), b->flip);
}

/// The same for 64 accumulators.
QK_AVX512_INLINE __m512i qk_requantize_bytes_avx512(const __m512i acc[4], const __m512 multiplier[4],
                                                    const qk_bytes_avx512 *b) {
  __m512 t[4];
  for (int i = 0; i < 4; i++) t[i] = _mm512_mul_ps(_mm512_cvtepi32_ps(acc[i]), multiplier[i]);
  return qk_saturate_bytes_avx512(t, b);
}

/// Transposes 4 x 4 dwords: the quarters above to the plain order, and back.
QK_AVX512_INLINE __m512i qk_exchange_dwords_avx512(__m512i a) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, a);
}
