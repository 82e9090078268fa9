#pragma once
// The output stage of register tiles of 16 columns a vector. Include in files for x86-64 only.
#include "../cpu/narrow_avx512.h"
#include "gemm.h"

/// Stores up to four rows of 16 bytes, the quarters of `bytes`.
QK_AVX512_INLINE void qk_store_quarters_avx512(__m512i bytes, int rows, __mmask16 columns, uint8_t *y,
                                               size_t stride) {
  _mm_mask_storeu_epi8(y, columns, _mm512_castsi512_si128(bytes));
  if (rows > 1) _mm_mask_storeu_epi8(y + stride, columns, _mm512_extracti32x4_epi32(bytes, 1));
  if (rows > 2) _mm_mask_storeu_epi8(y + 2 * stride, columns, _mm512_extracti32x4_epi32(bytes, 2));
  if (rows > 3) _mm_mask_storeu_epi8(y + 3 * stride, columns, _mm512_extracti32x4_epi32(bytes, 3));
}

/// Stores one or two rows of 32 bytes, the halves of `bytes`.
QK_AVX512_INLINE void qk_store_halves_avx512(__m512i bytes, int rows, __mmask32 columns, uint8_t *y,
                                             size_t stride) {
  _mm256_mask_storeu_epi8(y, columns, _mm512_castsi512_si256(bytes));
  if (rows > 1) _mm256_mask_storeu_epi8(y + stride, columns, _mm512_extracti64x4_epi64(bytes, 1));
}

/// Stores sums of up to 16 columns from column `first` on, in any kind of output.
QK_AVX512_INLINE void qk_store_sums_avx512(const qk_gemm_tile *tile, size_t row, size_t first, __m512i sums) {
  const qk_output *output = tile->output;
  __mmask16 columns = qk_lanes(tile->columns - first);
  __m512 multiplier = _mm512_loadu_ps(tile->multiplier + first);
  void *y = qk_output_at(output, tile->y, row * tile->y_stride + first);
  if (qk_output_is_bytes(output)) {
    qk_saturation_avx512 saturation = qk_saturation_avx512_of_output(output);
    __m512i words = qk_requantize_avx512(sums, multiplier, &saturation);
    _mm_mask_storeu_epi8(y, columns, _mm512_cvtepi32_epi8(words));
    return;
  }
  if (output->kind == QK_OUTPUT_F32)
    sums = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), multiplier));
  _mm512_mask_storeu_epi32(y, columns, sums);
}
