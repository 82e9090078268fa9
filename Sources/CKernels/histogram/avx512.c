#if defined(__x86_64__)
// Bins of 16 numbers at once. Numbers that follow one another are counted in four tables by turns, so that
// counting does not wait for itself where they fall into the same bin.
#include <string.h>

#include "../cpu/avx512.h"
#include "histogram.h"

enum { LANES = 16, TABLES = 4, BINS = 2048 };

/// Numbers counted at once: 32 bits are enough, and clearing the tables does not show.
static const size_t chunk = (size_t)1 << 20;

static void count_outside(uint32_t nan, uint32_t infinite, uint32_t below, uint32_t above,
                          qk_histogram_outside *outside) {
  outside->nan_count += (size_t)__builtin_popcount(nan);
  outside->inf_count += (size_t)__builtin_popcount(infinite);
  outside->below += (size_t)__builtin_popcount(below & ~infinite);
  outside->above += (size_t)__builtin_popcount(above & ~infinite);
}

/// Numbers outside of the range are counted apart, and in bin `bins->count`, which nobody reads.
QK_AVX512 static void count_chunk(const qk_histogram_bins *bins, size_t n, const float *x,
                                  uint32_t tables[TABLES][BINS + 1], qk_histogram_outside *outside) {
  const __m512 lo = _mm512_set1_ps(bins->lo), hi = _mm512_set1_ps(bins->hi);
  const __m512 per_unit = _mm512_set1_ps(bins->per_unit), infinity = _mm512_set1_ps(INFINITY);
  const __m512i last = _mm512_set1_epi32((int)bins->count - 1), none = _mm512_set1_epi32((int)bins->count);
  for (size_t i = 0; i < n; i += LANES) {
    const __mmask16 lanes = qk_lanes(n - i);
    __m512 numbers = _mm512_maskz_loadu_ps(lanes, x + i);
    __mmask16 inside = _mm512_mask_cmp_ps_mask(lanes, numbers, lo, _CMP_GE_OQ);
    inside = _mm512_mask_cmp_ps_mask(inside, numbers, hi, _CMP_LE_OQ);
    __m512i bin = _mm512_cvttps_epi32(_mm512_mul_ps(_mm512_sub_ps(numbers, lo), per_unit));
    bin = _mm512_mask_mov_epi32(none, inside, _mm512_min_epi32(bin, last));
    uint32_t at[LANES];
    _mm512_storeu_si512(at, bin);
    for (size_t j = 0; j < LANES; j++) tables[j % TABLES][at[j]]++;
    if (inside == lanes) continue;
    const __mmask16 rest = lanes & (__mmask16)~inside;
    count_outside(_mm512_mask_cmp_ps_mask(rest, numbers, numbers, _CMP_UNORD_Q),
                  _mm512_mask_cmp_ps_mask(rest, _mm512_abs_ps(numbers), infinity, _CMP_EQ_OQ),
                  _mm512_mask_cmp_ps_mask(rest, numbers, lo, _CMP_LT_OQ),
                  _mm512_mask_cmp_ps_mask(rest, numbers, hi, _CMP_GT_OQ), outside);
  }
}

void qk_histogram_f32_ukernel__avx512(const qk_histogram_bins *bins, size_t n, const float *x,
                                      uint64_t *counts, qk_histogram_outside *outside) {
  const size_t count = bins->count;
  if (count > BINS || n < TABLES * count) {
    qk_histogram_elements(bins, n, x, counts, outside);
    return;
  }
  uint32_t tables[TABLES][BINS + 1];
  for (size_t done = 0; done < n; done += chunk) {
    for (size_t t = 0; t < TABLES; t++) memset(tables[t], 0, (count + 1) * sizeof *tables[t]);
    count_chunk(bins, n - done < chunk ? n - done : chunk, x + done, tables, outside);
    for (size_t b = 0; b < count; b++)
      counts[b] += (uint64_t)tables[0][b] + tables[1][b] + tables[2][b] + tables[3][b];
  }
}
#endif
