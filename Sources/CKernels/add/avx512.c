#if defined(__x86_64__)
#include "../cpu/avx512_bytes.h"
#include "add.h"

QK_AVX512_INLINE __m512i add(const qk_add_u8_params *p, const qk_byte_range_avx512 *range, __m512i a,
                             __m512i b) {
  qk_quarters_avx512 left = qk_floats_avx512(a, p->a_zero_point),
                     right = qk_floats_avx512(b, p->b_zero_point);
  for (int q = 0; q < 4; q++) {
    __m512 a_part = _mm512_mul_ps(left.q[q], _mm512_set1_ps(p->a_multiplier));
    __m512 b_part = _mm512_mul_ps(right.q[q], _mm512_set1_ps(p->b_multiplier));
    left.q[q] = _mm512_add_ps(a_part, b_part);
  }
  return qk_pack_avx512(&left, range);
}

QK_AVX512 void qk_add_u8_ukernel__avx512(const qk_add_u8_params *p, size_t n, const uint8_t *a,
                                         const uint8_t *b, uint8_t *y) {
  const qk_add_u8_params params = *p;
  const qk_byte_range_avx512 range = qk_byte_range_avx512_of(p->zero_point, p->lo, p->hi);
  size_t i = 0;
  for (; i + 64 <= n; i += 64)
    _mm512_storeu_si512(y + i, add(&params, &range, _mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i)));
  if (i == n) return;
  __mmask64 lanes = qk_byte_lanes(n - i);
  __m512i left = _mm512_maskz_loadu_epi8(lanes, a + i), right = _mm512_maskz_loadu_epi8(lanes, b + i);
  _mm512_mask_storeu_epi8(y + i, lanes, add(&params, &range, left, right));
}
#endif
