#if defined(__x86_64__)
// 64 numbers at once. Long runs are written past the caches, which would only read them first and then give
// up other data for them.
#include "../cpu/narrow_avx512.h"
#include "quantize.h"

enum { BLOCK = 64, LANES = 16 };

/// Elements of a run from which on the result is written past the caches: its bytes and floats are together
/// larger than most last-level caches a core can have for itself.
static const size_t streamed = (size_t)4 << 20;

QK_AVX512_INLINE __m512i quantize_64(const __m512 x[4], __m512 scale, const qk_bytes_avx512 *to_bytes) {
  __m512 t[4];
  for (int i = 0; i < 4; i++) t[i] = _mm512_div_ps(x[i], scale);
  return qk_exchange_dwords_avx512(qk_saturate_bytes_avx512(t, to_bytes));
}

/// Less than 64 numbers.
QK_AVX512_INLINE void quantize_some(size_t n, const float *x, __m512 scale, const qk_bytes_avx512 *to_bytes,
                                    uint8_t *y) {
  __m512 numbers[4];
  for (size_t i = 0; i < 4; i++) {
    size_t left = n > i * LANES ? n - i * LANES : 0;
    numbers[i] = _mm512_maskz_loadu_ps(qk_lanes(left), x + i * LANES);
  }
  _mm512_mask_storeu_epi8(y, qk_byte_lanes(n), quantize_64(numbers, scale, to_bytes));
}

QK_AVX512 void qk_quantize_ukernel__avx512(const qk_quantizer *q, size_t n, const float *x, uint8_t *y) {
  const qk_output output = qk_quantizer_output(q);
  const qk_bytes_avx512 to_bytes = qk_bytes_avx512_of(&output);
  const __m512 scale = _mm512_set1_ps(q->scale);
  const bool streams = n >= streamed;
  size_t i = 0;
  if (streams) {
    i = -(uintptr_t)y % QK_ALIGNMENT;
    quantize_some(i, x, scale, &to_bytes, y);
  }
  for (; i + BLOCK <= n; i += BLOCK) {
    __m512 numbers[4];
    for (int j = 0; j < 4; j++) numbers[j] = _mm512_loadu_ps(x + i + j * LANES);
    __m512i bytes = quantize_64(numbers, scale, &to_bytes);
    if (streams)
      _mm512_stream_si512((__m512i *)(y + i), bytes);
    else
      _mm512_storeu_si512(y + i, bytes);
  }
  if (i < n) quantize_some(n - i, x + i, scale, &to_bytes, y + i);
  if (streams) _mm_sfence();
}

/// f32(x - zero_point) * scale.
QK_AVX512_INLINE __m512 dequantize_16(__m128i x, __m512i zero_point, __m512 scale) {
  return _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_cvtepu8_epi32(x), zero_point)), scale);
}

QK_AVX512 void qk_dequantize_ukernel__avx512(float scale, int32_t zero_point, uint8_t flip, size_t n,
                                             const uint8_t *x, float *y) {
  const __m128i flips = _mm_set1_epi8((char)flip);
  const __m512i zero_points = _mm512_set1_epi32(zero_point);
  const __m512 scales = _mm512_set1_ps(scale);
  const bool streams = n >= streamed;
  size_t i = 0;
  if (streams) {
    i = -(uintptr_t)y % QK_ALIGNMENT / sizeof *y;
    __m128i bytes = _mm_maskz_loadu_epi8(qk_lanes(i), x);
    _mm512_mask_storeu_ps(y, qk_lanes(i), dequantize_16(_mm_xor_si128(bytes, flips), zero_points, scales));
  }
#pragma clang loop unroll_count(4)
  for (; i + LANES <= n; i += LANES) {
    __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(x + i)), flips);
    __m512 numbers = dequantize_16(bytes, zero_points, scales);
    if (streams)
      _mm512_stream_ps(y + i, numbers);
    else
      _mm512_storeu_ps(y + i, numbers);
  }
  if (i < n) {
    const __mmask16 rest = qk_lanes(n - i);
    __m128i bytes = _mm_xor_si128(_mm_maskz_loadu_epi8(rest, x + i), flips);
    _mm512_mask_storeu_ps(y + i, rest, dequantize_16(bytes, zero_points, scales));
  }
  if (streams) _mm_sfence();
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
