#if defined(__x86_64__)
#include "../cpu/avx512.h"

QK_AVX512 void qk_flip_sign_ukernel__avx512(size_t n, const uint8_t *x, uint8_t *y) {
  const __m512i sign = _mm512_set1_epi8((char)0x80);
  size_t i = 0;
  for (; i + 64 <= n; i += 64) _mm512_storeu_si512(y + i, _mm512_xor_si512(_mm512_loadu_si512(x + i), sign));
  if (i == n) return;  // a store without lanes takes long where the page behind it is not there
  __mmask64 lanes = qk_byte_lanes(n - i);
  _mm512_mask_storeu_epi8(y + i, lanes, _mm512_xor_si512(_mm512_maskz_loadu_epi8(lanes, x + i), sign));
}
#endif
