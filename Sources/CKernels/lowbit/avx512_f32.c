#if defined(__x86_64__)
// f32 rows. A column's codes fill 32-bit lanes; a shift brings one to the low bits, where vpermps takes it as
// an index into the 16 numbers a 4-bit code can stand for.
#include "avx512.h"

enum { ROWS = 12, VECTORS = QK_LOWBIT_VECTORS, LANES = QK_LOWBIT_LANES, PREFETCH = 4096 };

/// Where codes become numbers: what depends on the zero points.
typedef struct decoder {
  __m512 table;                  // of codes to 15, where all zero points are one
  __m512i zero_points[VECTORS];  // of 8-bit codes
  __m512 offsets[VECTORS];       // f32 of the same, where they differ
} decoder;

/// f32(q - z) of the code in bits `shift`... of every lane. vpermps looks at 4 bits, so 2-bit codes are
/// masked.
QK_AVX512_INLINE __m512 number_of(const decoder *d, __m512i chunk, int vector, int bits, int shift,
                                  bool zero_points_differ) {
  __m512i code = shift ? _mm512_srli_epi32(chunk, (unsigned)shift) : chunk;
  if (bits < 4) code = _mm512_and_si512(code, _mm512_set1_epi32((1 << bits) - 1));
  if (bits > 4) {
    code = _mm512_and_si512(code, _mm512_set1_epi32(255));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(code, d->zero_points[vector]));
  }
  __m512 number = _mm512_permutexvar_ps(code, d->table);
  return zero_points_differ ? _mm512_sub_ps(number, d->offsets[vector]) : number;
}

QK_AVX512_INLINE decoder decoder_of(const qk_lowbit_tile *tile, size_t group, bool zero_points_differ) {
  decoder d;
  __m512i index = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i uniform = _mm512_set1_epi32(tile->layout->zero_point);
  d.table = _mm512_cvtepi32_ps(zero_points_differ ? index : _mm512_sub_epi32(index, uniform));
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    d.zero_points[v] =
        zero_points_differ ? qk_lowbit_zero_points_avx512(qk_lowbit_zero_points(tile, group), v) : uniform;
    d.offsets[v] = _mm512_cvtepi32_ps(d.zero_points[v]);
  }
  return d;
}

/// One pair of chunks: k in the order of the contract.
QK_AVX512_INLINE void multiply(int rows, int bits, bool zero_points_differ, const decoder *d,
                               const uint8_t *codes, const float *x, __m512 t[][VECTORS]) {
  __m512i chunk[VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    chunk[v] = _mm512_loadu_si512(codes + v * QK_LOWBIT_CHUNK);
    _mm_prefetch((const char *)codes + v * QK_LOWBIT_CHUNK + PREFETCH, _MM_HINT_T0);
  }
#pragma clang loop unroll(full)
  for (int k = 0; k < 32 / bits; k++) {
    __m512 w[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++)
      w[v] = number_of(d, chunk[v], v, bits, k % 4 * 8 + k / 4 * bits, zero_points_differ);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512 number = _mm512_set1_ps(x[k * rows + r]);
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) t[r][v] = _mm512_fmadd_ps(number, w[v], t[r][v]);
    }
  }
}

QK_AVX512_INLINE void store(const qk_lowbit_tile *tile, int rows, __m512 acc[][VECTORS]) {
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    if (tile->columns <= (size_t)(v * LANES)) break;
    __mmask16 lanes = qk_lanes(tile->columns - (size_t)(v * LANES));
    __m512 bias = _mm512_loadu_ps(qk_lowbit_bias(tile) + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
      _mm512_mask_storeu_ps(tile->y + (size_t)r * tile->y_stride + v * LANES, lanes,
                            _mm512_add_ps(acc[r][v], bias));
  }
}

QK_AVX512_INLINE void run(const qk_lowbit_tile *tile, int rows, int bits, bool zero_points_differ) {
  const qk_lowbit_layout *layout = tile->layout;
  const size_t chunks = qk_lowbit_chunks(layout);
  const float *x = tile->x;
  const char *block = qk_lowbit_block(tile, 0);
  decoder d = decoder_of(tile, 0, zero_points_differ);
  __m512 acc[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) acc[r][v] = _mm512_setzero_ps();
  for (size_t group = 0; group < layout->groups; group++, block += layout->block_bytes) {
    if (zero_points_differ) d = decoder_of(tile, group, true);
    __m512 t[ROWS][VECTORS], scales[VECTORS];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) t[r][v] = _mm512_setzero_ps();
    const uint8_t *codes = qk_lowbit_codes(layout, block);
    for (size_t c = 0; c < chunks; c++, codes += VECTORS * QK_LOWBIT_CHUNK, x += rows * (32 / bits))
      multiply(rows, bits, zero_points_differ, &d, codes, x, t);
    qk_lowbit_scales_avx512(layout, block, scales);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) acc[r][v] = _mm512_fmadd_ps(t[r][v], scales[v], acc[r][v]);
  }
  store(tile, rows, acc);
}

// One function for each number of rows and of bits, so that the sums stay in registers.
#define EVERY_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12)
#define OF_BITS(rows, bits)                                                   \
  QK_AVX512 static void rows_##rows##_of_##bits(const qk_lowbit_tile *tile) { \
    if (tile->layout->zero_points_differ)                                     \
      run(tile, rows, bits, true);                                            \
    else                                                                      \
      run(tile, rows, bits, false);                                           \
  }
#define EVERY_BITS(rows) OF_BITS(rows, 2) OF_BITS(rows, 4) OF_BITS(rows, 8)
EVERY_ROWS(EVERY_BITS)

void qk_lowbit_f32_ukernel_12x32__avx512(const qk_lowbit_tile *tile) {
#define NAMES(rows) {rows_##rows##_of_2, rows_##rows##_of_4, rows_##rows##_of_8},
  static void (*const by_rows[ROWS][3])(const qk_lowbit_tile *) = {EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->layout->bits / 4](tile);
}
#endif
