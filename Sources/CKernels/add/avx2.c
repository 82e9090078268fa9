#if defined(__x86_64__)
#include "../cpu/avx2_bytes.h"
#include "add.h"

QK_AVX2_INLINE __m256i add(const qk_add_u8_params *p, const qk_byte_range_avx2 *range, __m256i a, __m256i b) {
  qk_quarters_avx2 left = qk_floats_avx2(a, p->a_zero_point), right = qk_floats_avx2(b, p->b_zero_point);
  for (int q = 0; q < 4; q++) {
    __m256 a_part = _mm256_mul_ps(left.q[q], _mm256_set1_ps(p->a_multiplier));
    __m256 b_part = _mm256_mul_ps(right.q[q], _mm256_set1_ps(p->b_multiplier));
    left.q[q] = _mm256_add_ps(a_part, b_part);
  }
  return qk_pack_avx2(&left, range);
}

QK_AVX2_TARGET void qk_add_u8_ukernel__avx2(const qk_add_u8_params *p, size_t n, const uint8_t *a,
                                            const uint8_t *b, uint8_t *y) {
  const qk_add_u8_params params = *p;
  const qk_byte_range_avx2 range = qk_byte_range_avx2_of(p->zero_point, p->lo, p->hi);
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i left = _mm256_loadu_si256((const __m256i *)(a + i));
    __m256i right = _mm256_loadu_si256((const __m256i *)(b + i));
    _mm256_storeu_si256((__m256i *)(y + i), add(&params, &range, left, right));
  }
  if (i == n) return;
  __m256i left = qk_load_tail_avx2(a + i, n - i), right = qk_load_tail_avx2(b + i, n - i);
  qk_store_tail_avx2(y + i, n - i, add(&params, &range, left, right));
}
#endif
