#if defined(__x86_64__)
// vpdpbusd multiplies 4 bytes of a row, broadcast to all lanes, with 4 bytes of each of 16 columns. Sums live
// in registers: up to 14 rows by 2 vectors, beside 2 vectors of weights.
#include <string.h>

#include "../cpu/avx512.h"
#include "gemm.h"

enum { ROWS = 14, VECTORS = 2, LANES = 16, DEPTH = 4 };

/// `count` bytes, 1...4, as one integer; nothing past them is read.
static inline int32_t load_bytes(const uint8_t *a, size_t count) {
  if (count == DEPTH) {
    int32_t four;
    memcpy(&four, a, sizeof four);
    return four;
  }
  int32_t bytes = a[0];
  if (count > 1) bytes |= a[1] << 8;
  if (count > 2) bytes |= a[2] << 16;
  return bytes;
}

/// One step of DEPTH bytes for all rows: sums += a * w.
QK_AVX512_INLINE void step(int rows, int vectors, __m512i sums[][VECTORS], const uint8_t *const *row_pointers,
                           ptrdiff_t offset, size_t bytes, __m512i flip, const int8_t *w) {
  __m512i weights[VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) weights[v] = _mm512_loadu_si512(w + v * LANES * DEPTH);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m512i a = _mm512_set1_epi32(load_bytes(row_pointers[r] + offset, bytes));
    a = _mm512_xor_si512(a, flip);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, weights[v]);
  }
}

QK_AVX512_INLINE void store_bytes(const qk_gemm_tile *tile, int rows, int vectors, __m512i sums[][VECTORS]) {
  const qk_output *output = tile->output;
  qk_saturation_avx512 saturation = qk_saturation_avx512_of_output(output);
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    size_t first = (size_t)v * LANES;
    if (tile->columns <= first) break;
    __mmask16 lanes = qk_lanes(tile->columns - first);
    __m512 multiplier = _mm512_loadu_ps(tile->multiplier + first);
    uint8_t *y = (uint8_t *)tile->y + first;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++, y += tile->y_stride) {
      __m128i bytes = _mm512_cvtepi32_epi8(qk_requantize_avx512(sums[r][v], multiplier, &saturation));
      _mm_mask_storeu_epi8(y, lanes, bytes);
    }
  }
}

QK_AVX512_INLINE void store_words(const qk_gemm_tile *tile, int rows, int vectors, __m512i sums[][VECTORS]) {
  bool dequantizes = tile->output->kind == QK_OUTPUT_F32;
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    size_t first = (size_t)v * LANES;
    if (tile->columns <= first) break;
    __mmask16 lanes = qk_lanes(tile->columns - first);
    __m512 multiplier = _mm512_loadu_ps(tile->multiplier + first);
    int32_t *y = (int32_t *)tile->y + first;
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++, y += tile->y_stride) {
      __m512i words = sums[r][v];
      if (dequantizes) words = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(words), multiplier));
      _mm512_mask_storeu_epi32(y, lanes, words);
    }
  }
}

/// The whole tile. Where few rows leave too few independent sums to hide the latency of vpdpbusd, `phases`
/// steps go to separate sums, added up at the end.
QK_AVX512_INLINE void multiply(const qk_gemm_tile *tile, int rows, int vectors, int phases) {
  __m512i sums[4][ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    __m512i bias = _mm512_loadu_si512(tile->bias + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sums[0][r][v] = bias;
#pragma clang loop unroll(full)
      for (int p = 1; p < phases; p++) sums[p][r][v] = _mm512_setzero_si512();
    }
  }

  const __m512i flip = _mm512_set1_epi8((char)tile->flip);
  const int8_t *w = tile->weights;
  const ptrdiff_t step_bytes = vectors * LANES * DEPTH;
  size_t partial = tile->last_step < DEPTH ? tile->last_step : 0;
  for (size_t run = 0; run < tile->runs; run++) {
    ptrdiff_t offset = tile->run_offsets[run];
    size_t left = tile->run_steps - (partial && run + 1 == tile->runs);
    for (; left >= (size_t)phases; left -= (size_t)phases) {
#pragma clang loop unroll(full)
      for (int p = 0; p < phases; p++, offset += DEPTH, w += step_bytes)
        step(rows, vectors, sums[p], tile->rows, offset, DEPTH, flip, w);
    }
    for (; phases > 1 && left > 0; left--, offset += DEPTH, w += step_bytes)
      step(rows, vectors, sums[0], tile->rows, offset, DEPTH, flip, w);
    if (partial && run + 1 == tile->runs) step(rows, vectors, sums[0], tile->rows, offset, partial, flip, w);
  }

#pragma clang loop unroll(full)
  for (int p = 1; p < phases; p++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[0][r][v] = _mm512_add_epi32(sums[0][r][v], sums[p][r][v]);
  if (qk_output_is_bytes(tile->output))
    store_bytes(tile, rows, vectors, sums[0]);
  else
    store_words(tile, rows, vectors, sums[0]);
}

// One function for each number of rows and each width, all loops unrolled into registers.
#define EVERY_ROWS(X) \
  X(1, 4)             \
  X(2, 2) X(3, 2) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1) X(13, 1) X(14, 1)
#define NARROW(rows, phases)                                      \
  QK_AVX512 static void narrow_##rows(const qk_gemm_tile *tile) { \
    multiply(tile, rows, 1, phases > 1 ? 4 : 1);                  \
  }
#define WIDE(rows, phases) \
  QK_AVX512 static void wide_##rows(const qk_gemm_tile *tile) { multiply(tile, rows, 2, phases); }
EVERY_ROWS(NARROW)
EVERY_ROWS(WIDE)

void qk_gemm_u8s8_ukernel_14x32k4__avx512vnni(const qk_gemm_tile *tile) {
#define NARROW_NAME(rows, phases) narrow_##rows,
#define WIDE_NAME(rows, phases) wide_##rows,
  static void (*const by_rows[2][ROWS])(const qk_gemm_tile *) = {{EVERY_ROWS(NARROW_NAME)},
                                                                 {EVERY_ROWS(WIDE_NAME)}};
  by_rows[tile->width > LANES][tile->row_count - 1](tile);
}
#endif
