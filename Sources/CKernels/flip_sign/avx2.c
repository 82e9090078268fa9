#if defined(__x86_64__)
#include "../cpu/avx2_bytes.h"

QK_AVX2_TARGET void qk_flip_sign_ukernel__avx2(size_t n, const uint8_t *x, uint8_t *y) {
  const __m256i sign = _mm256_set1_epi8((char)0x80);
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(x + i));
    _mm256_storeu_si256((__m256i *)(y + i), _mm256_xor_si256(bytes, sign));
  }
  if (i < n) qk_store_tail_avx2(y + i, n - i, _mm256_xor_si256(qk_load_tail_avx2(x + i, n - i), sign));
}
#endif
