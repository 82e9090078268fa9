#if defined(__x86_64__)
// vpdpbusd multiplies 4 bytes of a window, broadcast to all lanes, with 4 bytes of each of 16 output
// channels. Sums live in registers: up to 24 pixels by 1 vector of channels, or 12 by 2.
#include "avx512_store.h"
#include "tiles.h"

enum { NARROW_ROWS = 24, WIDE_ROWS = 12, LANES = 16, DEPTH = 4, PIXELS_PER_BASE = 5 };

/// Addresses of a tile's pixels from few registers: five pixels from each base.
typedef struct pixel_bases {
  const uint8_t *at[(NARROW_ROWS + PIXELS_PER_BASE - 1) / PIXELS_PER_BASE];
  ptrdiff_t step, three_steps;
} pixel_bases;

QK_AVX512_INLINE pixel_bases bases_of(const uint8_t *x, ptrdiff_t step, int rows) {
  pixel_bases bases = {.step = step, .three_steps = 3 * step};
#pragma clang loop unroll(full)
  for (int r = 0, b = 0; r < rows; r += PIXELS_PER_BASE, b++) bases.at[b] = x + r * step;
  return bases;
}

QK_AVX512_INLINE void advance(pixel_bases *bases, int rows) {
#pragma clang loop unroll(full)
  for (int r = 0, b = 0; r < rows; r += PIXELS_PER_BASE, b++) {
    bases->at[b] += DEPTH;
    __asm__("" : "+r"(bases->at[b]));  // or the compiler makes a register of every pixel's address
  }
}

QK_AVX512_INLINE __m512i broadcast_pixel(const pixel_bases *bases, int r) {
  const uint8_t *base = bases->at[r / PIXELS_PER_BASE];
  const ptrdiff_t distances[PIXELS_PER_BASE] = {0, bases->step, 2 * bases->step, bases->three_steps,
                                                4 * bases->step};
  int32_t bytes;
  memcpy(&bytes, base + distances[r % PIXELS_PER_BASE], sizeof bytes);
  return _mm512_set1_epi32(bytes);
}

/// DEPTH bytes of all pixels: sums += x * w.
QK_AVX512_INLINE void step(pixel_bases *bases, const int8_t *w, int rows, int vectors,
                           __m512i sums[][QK_VECTORS]) {
  __m512i weights[QK_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) weights[v] = _mm512_loadu_si512(w + v * LANES * DEPTH);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r++) {
    __m512i x = broadcast_pixel(bases, r);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], x, weights[v]);
  }
  advance(bases, rows);
}

/// One tile. Where few pixels leave too few independent sums to hide the latency of vpdpbusd, `phases` steps
/// go to separate sums, added up at the end.
QK_AVX512_INLINE void multiply(const qk_conv2d_tiles *t, const uint8_t *x, int rows, int vectors, int phases,
                               __m512i sums[][QK_VECTORS]) {
  __m512i others[3][NARROW_ROWS][QK_VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) {
    __m512i bias = _mm512_loadu_si512(t->bias + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
      sums[r][v] = bias;
#pragma clang loop unroll(full)
      for (int p = 1; p < phases; p++) others[p - 1][r][v] = _mm512_setzero_si512();
    }
  }

  const ptrdiff_t step_bytes = vectors * LANES * DEPTH;
  const int8_t *weights_row = t->weights;
  for (size_t row = 0; row < t->rows; row++, x += t->row_step, weights_row += t->weights_row_step) {
    const int8_t *w = weights_row;
    const uint8_t *run = x;
    for (size_t segment = 0; segment < t->segments; segment++, run += t->segment_step) {
      pixel_bases bases = bases_of(run, t->pixels.x_step, rows);
      size_t left = t->steps;
      for (; left >= (size_t)phases; left -= (size_t)phases) {
#pragma clang loop unroll(full)
        for (int p = 0; p < phases; p++, w += step_bytes)
          step(&bases, w, rows, vectors, p > 0 ? others[p - 1] : sums);
      }
      for (; phases > 1 && left > 0; left--, w += step_bytes) step(&bases, w, rows, vectors, sums);
    }
  }

#pragma clang loop unroll(full)
  for (int p = 1; p < phases; p++)
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sums[r][v] = _mm512_add_epi32(sums[r][v], others[p - 1][r][v]);
}

/// All tiles. Bytes are stored from registers; what is left goes through memory.
QK_AVX512_INLINE void convolve(const qk_conv2d_tiles *t, int rows, int vectors, int phases) {
  bool stores_bytes = qk_output_is_bytes(t->output) && t->narrow;
  qk_byte_stage stage = qk_byte_stage_of(t, vectors);
  for (size_t line = 0; line < t->lines.count; line++) {
    for (size_t tile = 0; tile < t->tiles.count; tile++) {
      const uint8_t *x = t->x + (ptrdiff_t)line * t->lines.x_step + (ptrdiff_t)tile * t->tiles.x_step;
      ptrdiff_t element = (ptrdiff_t)line * t->lines.y_step + (ptrdiff_t)tile * t->tiles.y_step;
      __m512i sums[NARROW_ROWS][QK_VECTORS];
      multiply(t, x, rows, vectors, phases, sums);
      if (stores_bytes) {
        qk_store_bytes(t, rows, vectors, sums, &stage, (uint8_t *)t->y + element);
      } else {
        __m512i memory[NARROW_ROWS * QK_VECTORS];
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
          for (int v = 0; v < vectors; v++) memory[r * vectors + v] = sums[r][v];
        qk_store_any(t, memory, element);
      }
    }
  }
}

// One function for each number of pixels and each width, all loops unrolled into registers.
// clang-format off
#define EVERY_WIDE_ROWS(X) \
  X(1, 4) X(2, 2) X(3, 2) X(4, 1) X(5, 1) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1)
#define EVERY_NARROW_ROWS(X) \
  X(1, 4) X(2, 4) X(3, 2) X(4, 2) X(5, 2) X(6, 1) X(7, 1) X(8, 1) X(9, 1) X(10, 1) X(11, 1) X(12, 1) \
  X(13, 1) X(14, 1) X(15, 1) X(16, 1) X(17, 1) X(18, 1) X(19, 1) X(20, 1) X(21, 1) X(22, 1) X(23, 1) \
  X(24, 1)
// clang-format on
#define NARROW(rows, phases) \
  QK_AVX512 static void narrow_##rows(const qk_conv2d_tiles *tiles) { convolve(tiles, rows, 1, phases); }
#define WIDE(rows, phases) \
  QK_AVX512 static void wide_##rows(const qk_conv2d_tiles *tiles) { convolve(tiles, rows, 2, phases); }
EVERY_NARROW_ROWS(NARROW)
EVERY_WIDE_ROWS(WIDE)

void qk_conv2d_u8s8_ukernel_12x32k4__avx512vnni(const qk_conv2d_tiles *tiles) {
#define NARROW_NAME(rows, phases) narrow_##rows,
#define WIDE_NAME(rows, phases) wide_##rows,
  static void (*const narrow[NARROW_ROWS])(const qk_conv2d_tiles *) = {EVERY_NARROW_ROWS(NARROW_NAME)};
  static void (*const wide[WIDE_ROWS])(const qk_conv2d_tiles *) = {EVERY_WIDE_ROWS(WIDE_NAME)};
  (tiles->width > LANES ? wide : narrow)[tiles->pixels.count - 1](tiles);
}
#endif
