#if defined(__x86_64__)
#include "add.h"

#include "../cpu/avx512.h"

/// f32(x - zero_point) * multiplier for 16 bytes.
QK_AVX512_INLINE __m512 scaled(__mmask16 lanes, const uint8_t *x, uint8_t zero_point, float multiplier) {
  __m512i number = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, x));
  number = _mm512_sub_epi32(number, _mm512_set1_epi32(zero_point));
  return _mm512_mul_ps(_mm512_cvtepi32_ps(number), _mm512_set1_ps(multiplier));
}

QK_AVX512 void qk_add_u8_ukernel__avx512(const qk_add_u8_params *p, size_t n, const uint8_t *a,
                                         const uint8_t *b, uint8_t *y) {
  qk_saturation_avx512 saturation = qk_saturation_avx512_of(p->zero_point, p->lo, p->hi);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 lanes = qk_lanes(n - i);
    __m512 left = scaled(lanes, a + i, p->a_zero_point, p->a_multiplier);
    __m512 right = scaled(lanes, b + i, p->b_zero_point, p->b_multiplier);
    __m512i sum = qk_saturate_avx512(_mm512_add_ps(left, right), &saturation);
    _mm_mask_storeu_epi8(y + i, lanes, _mm512_cvtepi32_epi8(sum));
  }
}
#endif
