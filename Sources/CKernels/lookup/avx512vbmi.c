#if defined(__x86_64__)
#include "../cpu/avx512vbmi.h"
#include "lookup.h"

QK_AVX512VBMI_TARGET void qk_lookup_u8_ukernel__avx512vbmi(const qk_rows_u8 *rows, const uint8_t table[256]) {
  const qk_table_avx512 bytes = qk_table_avx512_of(table);
  for (size_t r = 0; r < rows->count; r++) {
    const uint8_t *x = rows->x + r * rows->x_stride;
    uint8_t *y = rows->y + r * rows->y_stride;
    size_t i = 0;
    for (; i + 64 <= rows->n; i += 64)
      _mm512_storeu_si512(y + i, qk_look_up_avx512(&bytes, _mm512_loadu_si512(x + i)));
    if (i == rows->n) continue;
    __mmask64 lanes = qk_byte_lanes(rows->n - i);
    __m512i found = qk_look_up_avx512(&bytes, _mm512_maskz_loadu_epi8(lanes, x + i));
    _mm512_mask_storeu_epi8(y + i, lanes, found);
  }
}
#endif
