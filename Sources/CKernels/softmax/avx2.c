#if defined(__x86_64__)
#include "../cpu/avx2_bytes.h"
#include "softmax.h"

QK_AVX2_INLINE uint8_t find_most(size_t n, const uint8_t *x) {
  __m256i all = _mm256_setzero_si256();
  size_t i = 0;
  for (; i + 32 <= n; i += 32) all = _mm256_max_epu8(all, _mm256_loadu_si256((const __m256i *)(x + i)));
  if (i < n) all = _mm256_max_epu8(all, qk_load_tail_avx2(x + i, n - i));
  __m128i most = _mm_max_epu8(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  // The smallest of 8 words is one instruction; the largest byte is the smallest of the complements.
  most = _mm_xor_si128(most, _mm_set1_epi8(-1));
  most = _mm_min_epu8(most, _mm_srli_epi16(most, 8));
  return (uint8_t)~_mm_cvtsi128_si32(_mm_minpos_epu16(most));
}

/// What becomes of each exponential, in the order of the table.
QK_AVX2_INLINE void requantize(const qk_softmax_u8_table *table, float multiplier, uint8_t result[256]) {
  const qk_byte_range_avx2 range = qk_byte_range_avx2_of(table->zero_point, 0, 255);
  for (int d = 0; d < 256; d += 32) {
    qk_quarters_avx2 numbers;
    for (int q = 0; q < 4; q++) {
      __m256i exponentials = _mm256_loadu_si256((const __m256i *)(table->exponential + d + 8 * q));
      numbers.q[q] = _mm256_mul_ps(_mm256_cvtepi32_ps(exponentials), _mm256_set1_ps(multiplier));
    }
    _mm256_storeu_si256((__m256i *)(result + d), qk_pack_in_order_avx2(&numbers, &range));
  }
}

QK_AVX2_INLINE void softmax(const qk_softmax_u8_table *table, qk_softmax_row row) {
  uint8_t result[256], most = find_most(row.n, row.x);
  requantize(
      table,
      qk_softmax_multiplier(table->inverse_scale, qk_softmax_sum(table->exponential, row.n, row.x, most)),
      result);
  for (size_t i = 0; i < row.n; i++) row.y[i] = result[most - row.x[i]];
}

QK_AVX2_TARGET void qk_softmax_u8_ukernel__avx2(const qk_softmax_u8_table *table,
                                                const qk_softmax_rows *rows) {
  for (size_t r = 0; r < rows->count; r++) {
    qk_softmax_row row = qk_softmax_row_at(rows, r);
    if (row.n > 0) softmax(table, row);
  }
}
#endif
