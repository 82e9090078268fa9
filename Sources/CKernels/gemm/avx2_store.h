#pragma once
// The output stage of tiles whose panels are 8 or 16 columns wide. Include in files for x86-64 only.
#include <string.h>

#include "../cpu/avx2.h"
#include "gemm.h"

enum { QK_GEMM_LANES_AVX2 = 8, QK_GEMM_VECTORS_AVX2 = 2 };

QK_AVX2_INLINE void qk_gemm_store_bytes_avx2(const qk_gemm_tile *tile, int rows, int vectors,
                                             __m256i sums[][QK_GEMM_VECTORS_AVX2]) {
  const qk_bytes_avx2 to_bytes = qk_bytes_avx2_of(tile->output);
  const int turn = 4 / vectors;  // rows
  __m256 multiplier[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++)
    multiplier[i] = _mm256_loadu_ps(tile->multiplier + i % vectors * QK_GEMM_LANES_AVX2);
  uint8_t *y = tile->y;
#pragma clang loop unroll(full)
  for (int first = 0; first < rows; first += turn) {
    __m256i acc[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++)
      acc[i] = sums[first + i / vectors < rows ? first + i / vectors : first][i % vectors];
    __m256i bytes = qk_requantize_avx2(acc, multiplier, &to_bytes);
    uint8_t in_order[32];
    if (tile->columns < tile->width || vectors == 1) _mm256_storeu_si256((__m256i *)in_order, bytes);
#pragma clang loop unroll(full)
    for (int i = 0; i < turn && first + i < rows; i++, y += tile->y_stride) {
      if (tile->columns < tile->width)
        memcpy(y, in_order + i * vectors * QK_GEMM_LANES_AVX2, tile->columns);
      else if (vectors == 1)
        memcpy(y, in_order + i * QK_GEMM_LANES_AVX2, QK_GEMM_LANES_AVX2);
      else
        _mm_storeu_si128((__m128i *)y,
                         i ? _mm256_extracti128_si256(bytes, 1) : _mm256_castsi256_si128(bytes));
    }
  }
}

QK_AVX2_INLINE void qk_gemm_store_words_avx2(const qk_gemm_tile *tile, int rows, int vectors,
                                             __m256i sums[][QK_GEMM_VECTORS_AVX2]) {
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    size_t first = (size_t)v * QK_GEMM_LANES_AVX2;
    if (tile->columns <= first) break;
    __m256 multiplier = _mm256_loadu_ps(tile->multiplier + first);
    int32_t *y = (int32_t *)tile->y + first;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++, y += tile->y_stride)
      qk_store_words_avx2(qk_output_words_avx2(tile->output, sums[r][v], multiplier), tile->columns - first,
                          y);
  }
}

QK_AVX2_INLINE void qk_gemm_store_avx2(const qk_gemm_tile *tile, int rows, int vectors,
                                       __m256i sums[][QK_GEMM_VECTORS_AVX2]) {
  if (qk_output_is_bytes(tile->output))
    qk_gemm_store_bytes_avx2(tile, rows, vectors, sums);
  else
    qk_gemm_store_words_avx2(tile, rows, vectors, sums);
}
