#if defined(__x86_64__)
#include "../cpu/avx512vbmi.h"
#include "../cpu/avx512_bytes.h"
#include "softmax.h"

// The steps of softmax are long chains within a row. Each step is taken for several rows before the next one
// is, so that the chains overlap.

QK_AVX512VBMI_INLINE uint8_t find_most(size_t n, const uint8_t *x) {
  __m512i all = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 64)
    all = _mm512_max_epu8(all, _mm512_maskz_loadu_epi8(qk_byte_lanes(n - i), x + i));
  __m256i half = _mm256_max_epu8(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  __m128i most = _mm_max_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
  // The smallest of 8 words is one instruction; the largest byte is the smallest of the complements.
  most = _mm_xor_si128(most, _mm_set1_epi8(-1));
  most = _mm_min_epu8(most, _mm_srli_epi16(most, 8));
  return (uint8_t)~_mm_cvtsi128_si32(_mm_minpos_epu16(most));
}

enum { PLANES = 3, BLOCK = 4096 };

/// The sum of exponentials of at most BLOCK columns, in 16 parts that fit in 32 bits each: one part takes
/// BLOCK / 16 of them, at most 2^23 each. Bytes of the exponentials are summed apart.
QK_AVX512VBMI_INLINE __m512i sum_block(const qk_table_avx512 planes[PLANES], __m512i most, size_t n,
                                       const uint8_t *x) {
  __m512i sums[PLANES] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  for (size_t i = 0; i < n; i += 64) {
    __mmask64 lanes = qk_byte_lanes(n - i);
    __m512i ones = _mm512_maskz_set1_epi8(lanes, 1);
    __m512i below = _mm512_sub_epi8(most, _mm512_maskz_loadu_epi8(lanes, x + i));
    for (int p = 0; p < PLANES; p++)
      sums[p] = _mm512_dpbusd_epi32(sums[p], qk_look_up_avx512(&planes[p], below), ones);
  }
  __m512i high = _mm512_add_epi32(_mm512_slli_epi32(sums[1], 8), _mm512_slli_epi32(sums[2], 16));
  return _mm512_add_epi32(sums[0], high);
}

/// 16 unsigned numbers as 8 sums of two.
QK_AVX512VBMI_INLINE __m512i add_pairs(__m512i numbers) {
  __m512i even = _mm512_and_si512(numbers, _mm512_set1_epi64(0xffffffff));
  return _mm512_add_epi64(even, _mm512_srli_epi64(numbers, 32));
}

QK_AVX512VBMI_INLINE uint64_t sum_row(const qk_table_avx512 planes[PLANES], __m512i most, size_t n,
                                      const uint8_t *x) {
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += BLOCK) {
    size_t count = n - i < BLOCK ? n - i : BLOCK;
    sum = _mm512_add_epi64(sum, add_pairs(sum_block(planes, most, count, x + i)));
  }
  return (uint64_t)_mm512_reduce_add_epi64(sum);
}

/// What becomes of each exponential.
QK_AVX512VBMI_INLINE qk_table_avx512 requantize(const qk_softmax_u8_table *table, float multiplier) {
  const qk_byte_range_avx512 range = qk_byte_range_avx512_of(table->zero_point, 0, 255);
  qk_table_avx512 result;
  for (int part = 0; part < 4; part++) {
    qk_quarters_avx512 numbers;
    for (int q = 0; q < 4; q++) {
      __m512i exponentials = _mm512_loadu_si512(table->exponential + 64 * part + 16 * q);
      numbers.q[q] = _mm512_mul_ps(_mm512_cvtepi32_ps(exponentials), _mm512_set1_ps(multiplier));
    }
    result.part[part] = qk_pack_in_order_avx512(&numbers, &range);
  }
  return result;
}

QK_AVX512VBMI_INLINE void look_up(const qk_table_avx512 *result, __m512i most, qk_softmax_row row) {
  for (size_t i = 0; i < row.n; i += 64) {
    __mmask64 lanes = qk_byte_lanes(row.n - i);
    __m512i below = _mm512_sub_epi8(most, _mm512_maskz_loadu_epi8(lanes, row.x + i));
    _mm512_mask_storeu_epi8(row.y + i, lanes, qk_look_up_avx512(result, below));
  }
}

enum { ROWS_AT_ONCE = 16 };

QK_AVX512VBMI_INLINE void softmax(const qk_softmax_u8_table *table, const qk_table_avx512 planes[PLANES],
                                  const qk_softmax_row *rows, size_t count) {
  uint8_t most[ROWS_AT_ONCE];
  float multiplier[ROWS_AT_ONCE];
  for (size_t r = 0; r < count; r++) most[r] = find_most(rows[r].n, rows[r].x);
  for (size_t r = 0; r < count; r++) {
    uint64_t sum = sum_row(planes, _mm512_set1_epi8((char)most[r]), rows[r].n, rows[r].x);
    multiplier[r] = qk_softmax_multiplier(table->inverse_scale, sum);
  }
  for (size_t r = 0; r < count; r++) {
    const qk_table_avx512 result = requantize(table, multiplier[r]);
    look_up(&result, _mm512_set1_epi8((char)most[r]), rows[r]);
  }
}

QK_AVX512VBMI_TARGET void qk_softmax_u8_ukernel__avx512vbmi(const qk_softmax_u8_table *table,
                                                            const qk_softmax_rows *rows) {
  qk_table_avx512 planes[PLANES];
  for (int p = 0; p < PLANES; p++) planes[p] = qk_table_avx512_of(table->planes[p]);
  for (size_t r = 0; r < rows->count;) {
    qk_softmax_row some[ROWS_AT_ONCE];
    size_t count = 0;
    for (; count < ROWS_AT_ONCE && r < rows->count; r++) {
      some[count] = qk_softmax_row_at(rows, r);
      count += some[count].n > 0;
    }
    softmax(table, planes, some, count);
  }
}
#endif
