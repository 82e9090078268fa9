#pragma once
// What both AVX-512 kernels read from a block. Include in files for x86-64 only.
#include "../cpu/avx512.h"
#include "lowbit.h"

enum { QK_LOWBIT_VECTORS = QK_LOWBIT_COLUMNS / QK_LOWBIT_LANES };

/// The columns' scales of a block.
QK_AVX512_INLINE void qk_lowbit_scales_avx512(const qk_lowbit_layout *layout, const char *block,
                                              __m512 scales[QK_LOWBIT_VECTORS]) {
#pragma clang loop unroll(full)
  for (int v = 0; v < QK_LOWBIT_VECTORS; v++)
    scales[v] = layout->half_scales
                    ? _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)block + v))
                    : _mm512_loadu_ps((const float *)(const void *)block + v * QK_LOWBIT_LANES);
}

/// The columns' zero points of a group as 32-bit numbers.
QK_AVX512_INLINE __m512i qk_lowbit_zero_points_avx512(const uint8_t *zero_points, int vector) {
  return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)zero_points + vector));
}
