#if defined(__x86_64__)
#include "../cpu/avx2.h"
#include "quantize.h"

enum { BLOCK = 32, LANES = 8 };

QK_AVX2_TARGET void qk_quantize_ukernel__avx2(const qk_quantizer *q, size_t n, const float *x, uint8_t *y) {
  const qk_output output = qk_quantizer_output(q);
  const qk_bytes_avx2 to_bytes = qk_bytes_avx2_of(&output);
  const __m256 scale = _mm256_set1_ps(q->scale);
  size_t i = 0;
  for (; i + BLOCK <= n; i += BLOCK) {
    __m256i words[4];
    for (int j = 0; j < 4; j++)
      words[j] = qk_round_numbers_avx2(_mm256_div_ps(_mm256_loadu_ps(x + i + j * LANES), scale), &to_bytes);
    _mm256_storeu_si256((__m256i *)(y + i), qk_in_order_avx2(qk_narrow_avx2(words, &to_bytes)));
  }
  qk_quantize_elements(q, n - i, x + i, y + i);
}

QK_AVX2_TARGET void qk_dequantize_ukernel__avx2(float scale, int32_t zero_point, uint8_t flip, size_t n,
                                                const uint8_t *x, float *y) {
  const __m128i flips = _mm_set1_epi8((char)flip);
  const __m256i zero_points = _mm256_set1_epi32(zero_point);
  const __m256 scales = _mm256_set1_ps(scale);
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    __m128i bytes = _mm_xor_si128(_mm_loadl_epi64((const __m128i *)(x + i)), flips);
    __m256i numbers = _mm256_sub_epi32(_mm256_cvtepu8_epi32(bytes), zero_points);
    _mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_cvtepi32_ps(numbers), scales));
  }
  qk_dequantize_elements(scale, zero_point, flip, n - i, x + i, y + i);
}

QK_AVX2_TARGET qk_minmax qk_minmax_f32_ukernel__avx2(size_t n, const float *x) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  const __m256 largest_finite = _mm256_set1_ps(3.402823466e38f);
  const __m256 infinity = _mm256_set1_ps(INFINITY), minus_infinity = _mm256_set1_ps(-INFINITY);
  qk_minmax result = {.min = INFINITY, .max = -INFINITY};
  __m256 min = infinity, max = minus_infinity;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    __m256 numbers = _mm256_loadu_ps(x + i);
    __m256 finite = _mm256_cmp_ps(_mm256_and_ps(numbers, magnitude), largest_finite, _CMP_LE_OQ);
    min = _mm256_min_ps(min, _mm256_blendv_ps(infinity, numbers, finite));
    max = _mm256_max_ps(max, _mm256_blendv_ps(minus_infinity, numbers, finite));
    int others = ~_mm256_movemask_ps(finite) & 0xff;
    if (others == 0) continue;
    int nan = _mm256_movemask_ps(_mm256_cmp_ps(numbers, numbers, _CMP_UNORD_Q));
    result.nan_count += (size_t)__builtin_popcount((unsigned)nan);
    result.inf_count += (size_t)__builtin_popcount((unsigned)(others & ~nan));
  }
  float extremes[2 * LANES];
  _mm256_storeu_ps(extremes, min);
  _mm256_storeu_ps(extremes + LANES, max);
  for (size_t j = 0; j < LANES; j++) {
    if (extremes[j] < result.min) result.min = extremes[j];
    if (extremes[j + LANES] > result.max) result.max = extremes[j + LANES];
  }
  qk_minmax_elements(&result, n - i, x + i);
  return result;
}
#endif
