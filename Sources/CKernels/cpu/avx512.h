#pragma once
// The contract's output stage on 16 accumulators at once. Include in files for x86-64 only.
#include <immintrin.h>

#include "store.h"

/// What every AVX-512 function here is compiled for; helpers must carry the same to be inlined.
#define QK_AVX512 __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")))
#define QK_AVX512_INLINE QK_AVX512 static inline __attribute__((always_inline))

/// qk_output in registers.
typedef struct qk_saturation_avx512 {
  __m512 least, most;  // lo and hi less the zero point
  __m512i zero_point;
} qk_saturation_avx512;

QK_AVX512_INLINE qk_saturation_avx512 qk_saturation_avx512_of(int32_t zero_point, int32_t lo, int32_t hi) {
  return (qk_saturation_avx512){_mm512_set1_ps((float)(lo - zero_point)),
                                _mm512_set1_ps((float)(hi - zero_point)), _mm512_set1_epi32(zero_point)};
}

/// For a byte output: saturated words whose low bytes are the output, whichever its sign.
QK_AVX512_INLINE qk_saturation_avx512 qk_saturation_avx512_of_output(const qk_output *output) {
  return qk_saturation_avx512_of(qk_output_number(output, output->zero_point),
                                 qk_output_number(output, output->lo), qk_output_number(output, output->hi));
}

/// qk_saturate on 16 lanes. vmaxps and vminps return their second operand for NaN, as the comparisons there
/// do.
QK_AVX512_INLINE __m512i qk_saturate_avx512(__m512 t, const qk_saturation_avx512 *s) {
  t = _mm512_min_ps(_mm512_max_ps(t, s->least), s->most);
  return _mm512_add_epi32(_mm512_cvtps_epi32(t), s->zero_point);
}

QK_AVX512_INLINE __m512i qk_requantize_avx512(__m512i acc, __m512 multiplier, const qk_saturation_avx512 *s) {
  return qk_saturate_avx512(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier), s);
}

/// The first `count` of 16 lanes, all of them from 16 on.
QK_AVX512_INLINE __mmask16 qk_lanes(size_t count) {
  return count < 16 ? (__mmask16)((1u << count) - 1) : 0xffff;
}

/// The output stage of 16 accumulators, those in `columns` stored from y on.
QK_AVX512_INLINE void qk_store_avx512(const qk_output *output, __m512i acc, __m512 multiplier,
                                      __mmask16 columns, void *y) {
  if (qk_output_is_bytes(output)) {
    qk_saturation_avx512 saturation = qk_saturation_avx512_of_output(output);
    __m512i words = qk_requantize_avx512(acc, multiplier, &saturation);
    _mm_mask_storeu_epi8(y, columns, _mm512_cvtepi32_epi8(words));
    return;
  }
  if (output->kind == QK_OUTPUT_F32)
    acc = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier));
  _mm512_mask_storeu_epi32(y, columns, acc);
}

/// The first `count` of 64 bytes, all of them from 64 on.
QK_AVX512_INLINE __mmask64 qk_byte_lanes(size_t count) { return count < 64 ? (1ull << count) - 1 : ~0ull; }
