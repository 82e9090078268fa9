#pragma once
// What both AVX2 kernels read from a block. Include in files for x86-64 only.
#include <immintrin.h>

#include "lowbit.h"

#define QK_LOWBIT_AVX2 __attribute__((target("avx2,fma")))
#define QK_LOWBIT_AVX2_INLINE QK_LOWBIT_AVX2 static inline __attribute__((always_inline))

enum { QK_LOWBIT_LANES_AVX2 = 8, QK_LOWBIT_VECTORS_AVX2 = QK_LOWBIT_COLUMNS / QK_LOWBIT_LANES_AVX2 };

/// 8 columns' scales of a block; fp16 as in qk_half_to_float.
QK_LOWBIT_AVX2_INLINE __m256 qk_lowbit_scales_avx2(const qk_lowbit_layout *layout, const char *block,
                                                   int vector) {
  if (!layout->half_scales) return _mm256_loadu_ps((const float *)(const void *)block + vector * 8);
  __m256i halves = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(const void *)block + vector));
  __m256i bits = _mm256_and_si256(_mm256_slli_epi32(halves, 13), _mm256_set1_epi32((int)0x8fffe000));
  return _mm256_mul_ps(_mm256_castsi256_ps(bits), _mm256_set1_ps(0x1p112f));
}

/// 8 columns' zero points of a group as 32-bit numbers.
QK_LOWBIT_AVX2_INLINE __m256i qk_lowbit_zero_points_avx2(const qk_lowbit_tile *tile, size_t group,
                                                         int vector) {
  if (!tile->layout->zero_points_differ) return _mm256_set1_epi32(tile->layout->zero_point);
  const uint8_t *zero_points = qk_lowbit_zero_points(tile, group) + vector * QK_LOWBIT_LANES_AVX2;
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)zero_points));
}

/// Writes 8 results, or as many of them as there are columns.
QK_LOWBIT_AVX2_INLINE void qk_lowbit_store_avx2(const qk_lowbit_tile *tile, size_t row, int vector,
                                                __m256 y) {
  size_t first = (size_t)vector * QK_LOWBIT_LANES_AVX2;
  if (tile->columns <= first) return;
  float *to = tile->y + row * tile->y_stride + first;
  if (tile->columns - first >= QK_LOWBIT_LANES_AVX2) {
    _mm256_storeu_ps(to, y);
    return;
  }
  float numbers[QK_LOWBIT_LANES_AVX2];
  _mm256_storeu_ps(numbers, y);
  memcpy(to, numbers, (tile->columns - first) * sizeof(float));
}
