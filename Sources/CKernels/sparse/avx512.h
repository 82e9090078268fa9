#pragma once
// What both AVX-512 kernels share: sums of a tile from bias to output. Include in files for x86-64 only.
#include "../cpu/avx512.h"
#include "sparse.h"

enum { QK_SPARSE_MOST_ROWS = 12, QK_SPARSE_MOST_VECTORS = 2, QK_SPARSE_MOST_PHASES = 4 };

/// Sums of up to 12 rows and 2 vectors of columns. Where few rows leave too few independent sums to hide the
/// latency of vpdpbusd, steps take turns at several sets of them, added up at the end.
typedef __m512i qk_sparse_sums[QK_SPARSE_MOST_PHASES][QK_SPARSE_MOST_ROWS][QK_SPARSE_MOST_VECTORS];

QK_AVX512_INLINE void qk_sparse_start_avx512(const qk_sparse_tile *tile, int rows, int vectors, int phases,
                                             qk_sparse_sums sums) {
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    __m512i bias = _mm512_loadu_si512(tile->bias + v * QK_SPARSE_LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sums[0][r][v] = bias;
#pragma clang loop unroll(full)
      for (int p = 1; p < phases; p++) sums[p][r][v] = _mm512_setzero_si512();
    }
  }
}

QK_AVX512_INLINE void qk_sparse_finish_avx512(const qk_sparse_tile *tile, int rows, int vectors, int phases,
                                              qk_sparse_sums sums) {
#pragma clang loop unroll(full)
  for (int p = 1; p < phases; p++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[0][r][v] = _mm512_add_epi32(sums[0][r][v], sums[p][r][v]);
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    size_t first = (size_t)v * QK_SPARSE_LANES;
    if (tile->columns <= first) break;
    __mmask16 lanes = qk_lanes(tile->columns - first);
    __m512 multiplier = _mm512_loadu_ps(tile->multiplier + first);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
      qk_store_avx512(tile->output, sums[0][r][v], multiplier, lanes,
                      qk_output_at(tile->output, tile->y, (size_t)r * tile->y_stride + first));
  }
}

/// Phases that keep enough sums going.
#define QK_SPARSE_EVERY_ROWS(X) \
  X(1, 4) X(2, 2) X(3, 2) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)
