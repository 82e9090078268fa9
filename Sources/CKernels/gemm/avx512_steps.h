#pragma once
// Multiplying rows of bytes in register tiles, for files of AVX-512 VNNI kernels. vpdpbusd multiplies 4 bytes
// of a row, broadcast to all lanes, with 4 bytes of each of 16 columns.
#include <string.h>

#include "../cpu/avx512.h"

enum { ROWS = 14, VECTORS = 2 };  // of the largest tile: 28 registers of sums

/// Keeps the compiler from moving multiplications across, which ends in spilled registers.
#define IN_ORDER(sum) __asm__ volatile("" : "+v"(sum) : : "memory")

/// One step for the rows first..<end: sums += a * w. Of 4 bytes, or of 8: then a vector has 8 columns, each
/// in two lanes.
QK_AVX512_INLINE void step(const int depth, const int first, const int end, const int vectors,
                           __m512i sums[][VECTORS], const uint8_t *const *row_pointers, ptrdiff_t offset,
                           __m512i flip, const int8_t *w) {
  __m512i weights[VECTORS];
#pragma clang loop unroll(full)
  for (int v = 0; v < vectors; v++) weights[v] = _mm512_loadu_si512(w + v * 64);
#pragma clang loop unroll(full)
  for (int r = first; r < end; r++) {
    int64_t bytes = 0;
    memcpy(&bytes, row_pointers[r] + offset, (size_t)depth);
    __m512i a = depth == 8 ? _mm512_set1_epi64(bytes) : _mm512_set1_epi32((int32_t)bytes);
    a = _mm512_xor_si512(a, flip);
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) {
      sums[r][v] = _mm512_dpbusd_epi32(sums[r][v], a, weights[v]);
      IN_ORDER(sums[r][v]);
    }
  }
}

/// The last step of 4 bytes where only `count` of them may be read.
QK_AVX512_INLINE void partial_step(const int rows, const int vectors, __m512i sums[][VECTORS],
                                   const uint8_t *const *row_pointers, ptrdiff_t offset, size_t count,
                                   __m512i flip, const int8_t *w) {
  uint8_t bytes[ROWS][4] = {{0}};
  const uint8_t *copies[ROWS];
  for (int r = 0; r < rows; r++) {
    copies[r] = bytes[r];
    for (size_t i = 0; i < count; i++) bytes[r][i] = row_pointers[r][offset + (ptrdiff_t)i];
  }
  step(4, 0, rows, vectors, sums, copies, 0, flip, w);
}

/// Sums of `steps` steps, `phases` at a time.
QK_AVX512_INLINE void add_steps(const int depth, const int rows, const int vectors, const int phases,
                                __m512i sums[][ROWS][VECTORS], const uint8_t *const *row_pointers,
                                ptrdiff_t offset, size_t steps, __m512i flip, const int8_t *w) {
  for (; steps >= (size_t)phases; steps -= (size_t)phases) {
#pragma clang loop unroll(full)
    for (int p = 0; p < phases; p++, offset += depth, w += vectors * 64)
      step(depth, 0, rows, vectors, sums[p], row_pointers, offset, flip, w);
    __asm__("" : "+r"(offset));  // one index for all rows, rather than a pointer of each that moves
  }
  for (; phases > 1 && steps > 0; steps--, offset += depth, w += vectors * 64)
    step(depth, 0, rows, vectors, sums[0], row_pointers, offset, flip, w);
}
