#if defined(__x86_64__)
#include "../cpu/avx512.h"
#include "quantize.h"

QK_AVX512 void qk_quantize_ukernel__avx512(const qk_quantizer *q, size_t n, const float *x, uint8_t *y) {
  qk_saturation_avx512 saturation = qk_saturation_avx512_of(q->zero_point, q->lo, q->hi);
  __m512 scale = _mm512_set1_ps(q->scale);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 lanes = qk_lanes(n - i);
    __m512 quotient = _mm512_div_ps(_mm512_maskz_loadu_ps(lanes, x + i), scale);
    _mm_mask_storeu_epi8(y + i, lanes, _mm512_cvtepi32_epi8(qk_saturate_avx512(quotient, &saturation)));
  }
}

QK_AVX512 void qk_dequantize_ukernel__avx512(float scale, int32_t zero_point, uint8_t flip, size_t n,
                                             const uint8_t *x, float *y) {
  __m128i flips = _mm_set1_epi8((char)flip);
  __m512i zero_points = _mm512_set1_epi32(zero_point);
  __m512 scales = _mm512_set1_ps(scale);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 lanes = qk_lanes(n - i);
    __m128i bytes = _mm_xor_si128(_mm_maskz_loadu_epi8(lanes, x + i), flips);
    __m512i number = _mm512_sub_epi32(_mm512_cvtepu8_epi32(bytes), zero_points);
    _mm512_mask_storeu_ps(y + i, lanes, _mm512_mul_ps(_mm512_cvtepi32_ps(number), scales));
  }
}

/// The numbers that are not finite among 16, found where `finite` is not set: rare, so counted one by one.
static void count_others(qk_minmax *result, uint32_t nan, uint32_t infinite) {
  result->nan_count += (size_t)__builtin_popcount(nan);
  result->inf_count += (size_t)__builtin_popcount(infinite);
}

QK_AVX512 qk_minmax qk_minmax_f32_ukernel__avx512(size_t n, const float *x) {
  qk_minmax result = {0};
  __m512 largest_finite = _mm512_set1_ps(3.402823466e38f);
  __m512 min = _mm512_set1_ps(INFINITY), max = _mm512_set1_ps(-INFINITY);
  for (size_t i = 0; i < n; i += 16) {
    __mmask16 lanes = qk_lanes(n - i);
    __m512 numbers = _mm512_maskz_loadu_ps(lanes, x + i);
    __mmask16 finite = _mm512_mask_cmp_ps_mask(lanes, _mm512_abs_ps(numbers), largest_finite, _CMP_LE_OQ);
    min = _mm512_mask_min_ps(min, finite, min, numbers);
    max = _mm512_mask_max_ps(max, finite, max, numbers);
    if (finite == lanes) continue;
    __mmask16 nan = _mm512_mask_cmp_ps_mask(lanes, numbers, numbers, _CMP_UNORD_Q);
    count_others(&result, nan, lanes & ~(uint32_t)finite & ~(uint32_t)nan);
  }
  result.min = _mm512_reduce_min_ps(min);
  result.max = _mm512_reduce_max_ps(max);
  return result;
}
#endif
