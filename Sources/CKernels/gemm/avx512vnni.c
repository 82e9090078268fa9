#if defined(__x86_64__)
// Sums of up to 14 rows by 2 vectors live in registers, beside 2 vectors of weights. Three shapes of panels:
// WIDE of 32 columns; NARROW of 16, as the last one; PAIRED of 16 as the only one, with steps of 8 bytes, so
// that one load of a row serves two multiplications there too.
#include "avx512_steps.h"
#include "avx512_store.h"

enum { LANES = 16, TAIL_BYTES = 16 };
typedef enum shape { NARROW, WIDE, PAIRED } shape;

static inline int depth_of(const shape shape) { return shape == PAIRED ? 8 : 4; }
static inline int vectors_of(const shape shape) { return shape == NARROW ? 1 : 2; }  // of sums in a row
static inline int outputs_of(const shape shape) { return shape == WIDE ? 2 : 1; }    // vectors of columns

/// Adds up the two lanes of each column.
QK_AVX512_INLINE __m512i join_pairs(__m512i low, __m512i high) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_or_si512(even, _mm512_set1_epi32(1));
  return _mm512_add_epi32(_mm512_permutex2var_epi32(low, even, high),
                          _mm512_permutex2var_epi32(low, odd, high));
}

/// Vector `v` of the sums of a row before the first step: the bias.
QK_AVX512_INLINE __m512i initial_sums(const shape shape, const int32_t *bias, const int v) {
  if (shape != PAIRED) return _mm512_loadu_si512(bias + v * LANES);
  const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
  __m512i half = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(bias + v * 8)));
  return _mm512_maskz_permutexvar_epi32(0x5555, twice, half);
}

/// Vector `v` of the sums of 16 columns each.
QK_AVX512_INLINE __m512i output_sums(const shape shape, const __m512i sums[VECTORS], const int v) {
  return shape == PAIRED ? join_pairs(sums[0], sums[1]) : sums[v];
}

/// Requantizes and stores rows first..<end: 4 vectors of sums, or fewer in the last turn.
QK_AVX512_INLINE void store_turn(const shape shape, const float *multiplier, const int first, const int end,
                                 __m512i sums[][VECTORS], const qk_bytes_avx512 *bytes, __mmask32 columns,
                                 uint8_t *y, size_t stride) {
  const int outputs = outputs_of(shape);
  __m512i four[4];
  __m512 multipliers[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    const int r = first + i / outputs, v = i % outputs;
    four[i] = r < end ? output_sums(shape, sums[r], v) : four[0];
    multipliers[i] = _mm512_loadu_ps(multiplier + v * LANES);
  }
  __m512i rows = qk_exchange_dwords_avx512(qk_requantize_bytes_avx512(four, multipliers, bytes));
  if (outputs == 2)
    qk_store_halves_avx512(rows, end - first, columns, y, stride);
  else
    qk_store_quarters_avx512(rows, end - first, (__mmask16)columns, y, stride);
}

/// The last steps, if `has_tail`, and the output as bytes, in turns: the steps of some rows, then the output
/// of the rows before.
QK_AVX512_INLINE void finish(const shape shape, const qk_gemm_tile *tile, const int rows,
                             __m512i sums[][VECTORS], const uint8_t *const *row_pointers, ptrdiff_t offset,
                             const bool has_tail, __m512i flip, const int8_t *w, const qk_bytes_avx512 *bytes,
                             uint8_t *y) {
  const int turn = 4 / outputs_of(shape), depth = depth_of(shape), vectors = vectors_of(shape);
  const float *multiplier = tile->multiplier;
  const size_t stride = tile->y_stride;
  const __mmask32 columns = (__mmask32)qk_byte_lanes(tile->columns);
#pragma clang loop unroll(full)
  for (int first = 0; first < rows + turn; first += turn) {
    const int end = first + turn < rows ? first + turn : rows;
#pragma clang loop unroll(full)
    for (int s = 0; s < (has_tail ? TAIL_BYTES / depth : 0); s++)
      step(depth, first, end, vectors, sums, row_pointers, offset + s * depth, flip, w + s * vectors * 64);
    if (first == 0) continue;
    store_turn(shape, multiplier, first - turn, first < rows ? first : rows, sums, bytes, columns, y, stride);
    y += (size_t)turn * stride;
  }
}

/// How a tile is put out: as words [rows][width], for another function to store; as bytes; or as bytes of
/// which the last steps are put off (finish). Only for words may the last step be partial.
typedef enum way { TO_WORDS, TO_BYTES, TO_BYTES_LATE } way;

/// One tile. Where few rows leave too few independent sums to hide the latency of vpdpbusd, `phases` steps go
/// to separate sums, added up at the end.
QK_AVX512_INLINE void multiply(const shape shape, const way way, const int rows, const int phases,
                               const qk_gemm_tile *tile, const uint8_t *const *first_row, void *y,
                               const qk_bytes_avx512 *bytes) {
  const int depth = depth_of(shape), vectors = vectors_of(shape), outputs = outputs_of(shape);
  const int tail = way == TO_BYTES_LATE ? TAIL_BYTES / depth : 0;
  __m512i sums[8][ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    __m512i bias = initial_sums(shape, tile->bias, v);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sums[0][r][v] = bias;
#pragma clang loop unroll(full)
      for (int p = 1; p < phases; p++) sums[p][r][v] = _mm512_setzero_si512();
    }
  }
  const __m512i flip = _mm512_set1_epi8((char)tile->flip);
  const uint8_t *row_pointers[ROWS];
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) row_pointers[r] = first_row[r];
  const size_t partial = way == TO_WORDS && tile->last_step < (size_t)depth ? tile->last_step : 0;
  const size_t run_steps = tile->run_steps, last_steps = run_steps - (partial > 0) - (size_t)tail;
  const int8_t *w = tile->weights;
  for (size_t run = 0; run + 1 < tile->runs; run++, w += run_steps * (size_t)(vectors * 64))
    add_steps(depth, rows, vectors, phases, sums, row_pointers, tile->run_offsets[run], run_steps, flip, w);
  ptrdiff_t offset = tile->run_offsets[tile->runs - 1];
  add_steps(depth, rows, vectors, phases, sums, row_pointers, offset, last_steps, flip, w);
  offset += (ptrdiff_t)last_steps * depth;
  w += last_steps * (size_t)(vectors * 64);
  if (partial) partial_step(rows, vectors, sums[0], row_pointers, offset, partial, flip, w);

#pragma clang loop unroll(full)
  for (int p = 1; p < phases; p++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[0][r][v] = _mm512_add_epi32(sums[0][r][v], sums[p][r][v]);
  if (way != TO_WORDS) {
    finish(shape, tile, rows, sums[0], row_pointers, offset, tail > 0, flip, w, bytes, y);
    return;
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < outputs; v++)
      _mm512_store_si512((int32_t *)y + (r * outputs + v) * LANES, output_sums(shape, sums[0][r], v));
}

// One function for each number of rows, each shape and way, all loops unrolled into registers.
typedef void tile_function(const qk_gemm_tile *tile, const uint8_t *const *first_row, void *y,
                           const qk_bytes_avx512 *bytes);

#define FUNCTION(shape, way, rows, phases)                                                                \
  QK_AVX512 static void shape##_##way##_##rows(const qk_gemm_tile *tile, const uint8_t *const *first_row, \
                                               void *y, const qk_bytes_avx512 *bytes) {                   \
    multiply(shape, way, rows, phases, tile, first_row, y, bytes);                                        \
  }
#define EVERY_SHAPE(way, rows, narrow_phases, phases) \
  FUNCTION(NARROW, way, rows, narrow_phases)          \
  FUNCTION(WIDE, way, rows, phases)                   \
  FUNCTION(PAIRED, way, rows, phases)
#define AT_ONCE(rows, ...) EVERY_SHAPE(TO_WORDS, rows, __VA_ARGS__) EVERY_SHAPE(TO_BYTES, rows, __VA_ARGS__)
#define LATE(rows, ...) EVERY_SHAPE(TO_BYTES_LATE, rows, __VA_ARGS__)
#define FEW_ROWS(X) X(1, 8, 4) X(2, 4, 4) X(3, 4, 2) X(4, 4, 2) X(5, 2, 2) X(6, 2, 2)
#define MANY_ROWS(X) \
  X(7, 2, 1) X(8, 2, 1) X(9, 1, 1) X(10, 1, 1) X(11, 1, 1) X(12, 1, 1) X(13, 1, 1) X(14, 1, 1)
FEW_ROWS(AT_ONCE)
MANY_ROWS(AT_ONCE)
MANY_ROWS(LATE)

#define NARROW_WORDS(rows, ...) NARROW_TO_WORDS_##rows,
#define NARROW_BYTES(rows, ...) NARROW_TO_BYTES_##rows,
#define NARROW_LATE(rows, ...) NARROW_TO_BYTES_LATE_##rows,
#define WIDE_WORDS(rows, ...) WIDE_TO_WORDS_##rows,
#define WIDE_BYTES(rows, ...) WIDE_TO_BYTES_##rows,
#define WIDE_LATE(rows, ...) WIDE_TO_BYTES_LATE_##rows,
#define PAIRED_WORDS(rows, ...) PAIRED_TO_WORDS_##rows,
#define PAIRED_BYTES(rows, ...) PAIRED_TO_BYTES_##rows,
#define PAIRED_LATE(rows, ...) PAIRED_TO_BYTES_LATE_##rows,
#define WAYS(shape)                                                                                         \
  {                                                                                                         \
    {FEW_ROWS(shape##_WORDS) MANY_ROWS(shape##_WORDS)}, {FEW_ROWS(shape##_BYTES) MANY_ROWS(shape##_BYTES)}, \
    {                                                                                                       \
      FEW_ROWS(shape##_BYTES) MANY_ROWS(shape##_LATE)                                                       \
    }                                                                                                       \
  }
static tile_function *const functions[3][3][ROWS] = {WAYS(NARROW), WAYS(WIDE), WAYS(PAIRED)};

/// Any kind of output, from sums [rows][width].
QK_AVX512 static void store_words(const qk_gemm_tile *tile, size_t first_row, size_t rows,
                                  const int32_t *words) {
  for (size_t first = 0; first < tile->columns; first += LANES)
    for (size_t r = 0; r < rows; r++)
      qk_store_sums_avx512(tile, first_row + r, first, _mm512_load_si512(words + r * tile->width + first));
}

QK_AVX512 static void run(const shape shape, const qk_gemm_tile *tile) {
  const size_t depth = (size_t)depth_of(shape);
  const bool to_bytes = tile->last_step == depth && qk_output_is_bytes(tile->output);
  const way way = !to_bytes ? TO_WORDS : tile->run_steps * depth > TAIL_BYTES ? TO_BYTES_LATE : TO_BYTES;
  const qk_bytes_avx512 bytes = qk_bytes_avx512_of(tile->output);
  _Alignas(64) int32_t words[ROWS * VECTORS * LANES];
  tile_function *const *by_rows = functions[shape][way];
  const size_t tiles = (tile->row_count + ROWS - 1) / ROWS;
  const size_t height = tile->row_count / tiles,
               higher = tile->row_count % tiles;  // so many get one row more
  for (size_t t = 0, row = 0, rows; t < tiles; t++, row += rows) {
    rows = height + (t < higher);
    void *y = to_bytes ? (void *)((uint8_t *)tile->y + row * tile->y_stride) : words;
    by_rows[rows - 1](tile, tile->rows + row, y, &bytes);
    if (!to_bytes) store_words(tile, row, rows, words);
  }
}

void qk_gemm_u8s8_ukernel_14x32k4__avx512vnni(const qk_gemm_tile *tile) {
  run(tile->width > LANES ? WIDE : NARROW, tile);
}

void qk_gemm_u8s8_ukernel_14x16k8__avx512vnni(const qk_gemm_tile *tile) { run(PAIRED, tile); }
#endif
