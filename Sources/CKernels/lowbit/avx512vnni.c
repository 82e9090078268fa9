#if defined(__x86_64__)
// s8 rows. vpdpbusd multiplies 4 codes, unsigned, of each of 16 columns with 4 bytes of a row, broadcast. The
// sums of a group start at what the zero points take away.
#include "avx512.h"

enum {
  ROWS = 6,
  VECTORS = QK_LOWBIT_VECTORS,
  LANES = QK_LOWBIT_LANES,
  PREFETCH = 4096,
  ROWS_IN_REGISTERS = 4
};

/// The codes of a chunk for k = 4 * part...
QK_AVX512_INLINE __m512i codes_of(__m512i chunk, int bits, int part) {
  if (bits == 8) return chunk;
  __m512i shifted = part ? _mm512_srli_epi16(chunk, (unsigned)(bits * part)) : chunk;
  return _mm512_and_si512(shifted, _mm512_set1_epi8((char)((1 << bits) - 1)));
}

QK_AVX512_INLINE __m512i broadcast_four(const int8_t *x) {
  int32_t four;
  memcpy(&four, x, sizeof four);
  return _mm512_set1_epi32(four);
}

/// Sums start at the bits of 1.5 * 2^23, so that they are those of a float that much larger: |d| < 2^22.
/// Taking it away is exact, and quicker than a conversion.
#define MAGIC 12582912.0f
QK_AVX512_INLINE __m512 number_of(__m512i sum) {
  return _mm512_sub_ps(_mm512_castsi512_ps(sum), _mm512_set1_ps(MAGIC));
}

QK_AVX512_INLINE void start(const qk_lowbit_tile *tile, int rows, size_t group, __m512i sums[][VECTORS]) {
  const __m512i magic = _mm512_castps_si512(_mm512_set1_ps(MAGIC));
  const int32_t *corrections = tile->corrections + group * (size_t)rows;
  if (tile->layout->zero_points_differ) {
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      __m512i zero_points = qk_lowbit_zero_points_avx512(qk_lowbit_zero_points(tile, group), v);
#pragma clang loop unroll(full)
      for (int r = 0; r < rows; r++) {
        __m512i correction = _mm512_mullo_epi32(zero_points, _mm512_set1_epi32(corrections[r]));
        sums[r][v] = _mm512_add_epi32(magic, correction);
      }
    }
    return;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m512i correction = _mm512_add_epi32(magic, _mm512_set1_epi32(corrections[r]));
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) sums[r][v] = correction;
  }
}

/// One pair of chunks.
QK_AVX512_INLINE void multiply(int rows, int bits, const uint8_t *codes, const int8_t *x,
                               __m512i sums[][VECTORS]) {
  __m512i chunk[VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    chunk[v] = _mm512_loadu_si512(codes + v * QK_LOWBIT_CHUNK);
    _mm_prefetch((const char *)codes + v * QK_LOWBIT_CHUNK + PREFETCH, _MM_HINT_T0);
  }
#pragma clang loop unroll(full)
  for (int part = 0; part < 8 / bits; part++) {
    __m512i w[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) w[v] = codes_of(chunk[v], bits, part);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512i four = broadcast_four(x + (part * rows + r) * 4);
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], w[v], four);
    }
  }
}

/// acc += the sums of a group, scaled. Whether the rows have scales of their own is asked once.
QK_AVX512_INLINE void accumulate(const qk_lowbit_tile *tile, int rows, size_t group, const char *block,
                                 __m512i sums[][VECTORS], __m512 acc[][VECTORS]) {
  __m512 scales[VECTORS];
  qk_lowbit_scales_avx512(tile->layout, block, scales);
  if (!tile->grouped) {
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < VECTORS; v++)
        acc[r][v] = _mm512_fmadd_ps(number_of(sums[r][v]), scales[v], acc[r][v]);
    return;
  }
  const float *row_scales = tile->scales + group * (size_t)rows;
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) {
      __m512 scale = _mm512_mul_ps(scales[v], _mm512_set1_ps(row_scales[r]));
      acc[r][v] = _mm512_fmadd_ps(number_of(sums[r][v]), scale, acc[r][v]);
    }
}

QK_AVX512_INLINE void store(const qk_lowbit_tile *tile, int rows, __m512 acc[][VECTORS]) {
#pragma clang loop unroll(full)
  for (int v = 0; v < VECTORS; v++) {
    if (tile->columns <= (size_t)(v * LANES)) break;
    __mmask16 lanes = qk_lanes(tile->columns - (size_t)(v * LANES));
    __m512 bias = _mm512_loadu_ps(qk_lowbit_bias(tile) + v * LANES);
    __m512 weight_sums = _mm512_loadu_ps(qk_lowbit_sums(tile) + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      __m512 y;
      if (tile->grouped) {
        y = _mm512_add_ps(acc[r][v], bias);
      } else {
        __m512 zero_point = _mm512_set1_ps(tile->zero_points ? -(float)tile->zero_points[r] : -0.0f);
        y = _mm512_fmadd_ps(zero_point, weight_sums, acc[r][v]);
        y = _mm512_fmadd_ps(y, _mm512_set1_ps(tile->scales[r]), bias);
      }
      _mm512_mask_storeu_ps(tile->y + (size_t)r * tile->y_stride + v * LANES, lanes, y);
    }
  }
}

QK_AVX512_INLINE void run(const qk_lowbit_tile *tile, int rows, int bits) {
  const qk_lowbit_layout *layout = tile->layout;
  const size_t chunks = qk_lowbit_chunks(layout);
  const int8_t *x = tile->x;
  const char *block = qk_lowbit_block(tile, 0);
  __m512 acc[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < VECTORS; v++) acc[r][v] = _mm512_setzero_ps();
  for (size_t group = 0; group < layout->groups; group++, block += layout->block_bytes) {
    __m512i sums[ROWS][VECTORS];
    start(tile, rows, group, sums);
    const uint8_t *codes = qk_lowbit_codes(layout, block);
    for (size_t c = 0; c < chunks; c++, codes += VECTORS * QK_LOWBIT_CHUNK, x += rows * (32 / bits))
      multiply(rows, bits, codes, x, sums);
    accumulate(tile, rows, group, block, sums, acc);
  }
  store(tile, rows, acc);
}

// One function for each number of rows and of bits, so that the sums stay in registers.
#define EVERY_ROWS(X) X(1) X(2) X(3) X(4) X(5) X(6)
#define EVERY_BITS(rows)                                                                       \
  QK_AVX512 static void rows_##rows##_of_2(const qk_lowbit_tile *tile) { run(tile, rows, 2); } \
  QK_AVX512 static void rows_##rows##_of_4(const qk_lowbit_tile *tile) { run(tile, rows, 4); } \
  QK_AVX512 static void rows_##rows##_of_8(const qk_lowbit_tile *tile) { run(tile, rows, 8); }
EVERY_ROWS(EVERY_BITS)

void qk_lowbit_s8_ukernel_6x32__avx512vnni(const qk_lowbit_tile *tile) {
#define NAMES(rows) {rows_##rows##_of_2, rows_##rows##_of_4, rows_##rows##_of_8},
  static void (*const by_rows[ROWS][3])(const qk_lowbit_tile *) = {EVERY_ROWS(NAMES)};
  by_rows[tile->row_count - 1][tile->layout->bits / 4](tile);
}
#endif
