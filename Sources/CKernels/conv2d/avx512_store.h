#pragma once
// Output stages of the AVX-512 tiles. Include in files for x86-64 only.
#include <string.h>

#include "../cpu/avx512.h"
#include "tiles.h"

enum { QK_VECTORS = 2 };  // most vectors of 16 channels in a panel

/// qk_output of bytes in registers, for numbers known to stay integers (qk_conv2d_tiles.narrow): saturating
/// instructions narrow them, and the bounds are applied to the bytes. An s8 output is computed as u8 of a
/// zero point and bounds xor 0x80, and flipped.
typedef struct qk_byte_stage {
  __m512i zero_point, lo, hi, flip;
  __m512i order;  // of the four-byte pieces to be stored, which packing has shuffled
  bool is_signed, bounds;
  bool together;    // pixels lie side by side in whole pieces
  uint32_t pieces;  // of a pixel
  __mmask32 pixel;  // bytes of a pixel
} qk_byte_stage;

QK_AVX512_INLINE qk_byte_stage qk_byte_stage_of(const qk_conv2d_tiles *t, int vectors) {
  const qk_output *output = t->output;
  uint8_t flip = output->kind == QK_OUTPUT_S8 ? 0x80 : 0;
  qk_byte_stage stage = {
      .zero_point = _mm512_set1_epi16(output->zero_point ^ flip),
      .lo = _mm512_set1_epi8((char)(output->lo ^ flip)),
      .hi = _mm512_set1_epi8((char)(output->hi ^ flip)),
      .flip = _mm512_set1_epi8((char)flip),
      .order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
      .is_signed = flip != 0,
      .bounds = (output->lo ^ flip) != 0 || (output->hi ^ flip) != 255,
      .together = t->pixels.y_step == (ptrdiff_t)t->columns && t->columns % 4 == 0,
      .pieces = (uint32_t)t->columns / 4,
      .pixel = (__mmask32)(~0ull >> (64 - t->columns)),
  };
  if (stage.together) {  // leaves out the columns that are not written
    uint32_t of_one_pixel = (1u << stage.pieces) - 1;
    __mmask16 written = (__mmask16)(of_one_pixel * (vectors == 2 ? 0x0101u : 0x1111u));
    stage.order = _mm512_maskz_compress_epi32(written, stage.order);
  }
  return stage;
}

/// Four vectors of accumulators to 64 bytes.
QK_AVX512_INLINE __m512i qk_requantize_64(const __m512i sums[4], const __m512 multipliers[4],
                                          const qk_byte_stage *stage) {
  __m512i words[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++)
    words[i] = _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), multipliers[i]));
  __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(words[0], words[1]), stage->zero_point);
  __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(words[2], words[3]), stage->zero_point);
  __m512i bytes = _mm512_permutexvar_epi32(stage->order, _mm512_packus_epi16(low, high));
  if (stage->bounds) bytes = _mm512_min_epu8(_mm512_max_epu8(bytes, stage->lo), stage->hi);
  return stage->is_signed ? _mm512_xor_si512(bytes, stage->flip) : bytes;
}

/// A tile of bytes. Where its pixels lie together, up to 64 bytes at a time.
QK_AVX512_INLINE void qk_store_bytes(const qk_conv2d_tiles *t, int rows, int vectors,
                                     __m512i sums[][QK_VECTORS], const qk_byte_stage *stage, uint8_t *y) {
  const int pixels = 4 / vectors;
  ptrdiff_t y_step = t->pixels.y_step;
  __m512 multipliers[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) multipliers[i] = _mm512_loadu_ps(t->multiplier + i % vectors * 16);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r += pixels, y += pixels * y_step) {
    const int count = rows - r < pixels ? rows - r : pixels;
    __m512i four[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++)
      four[i] = i / vectors < count ? sums[r + i / vectors][i % vectors] : _mm512_setzero_si512();
    __m512i bytes = qk_requantize_64(four, multipliers, stage);
    if (stage->together && (int)stage->pieces == 4 * vectors && count == pixels) {
      _mm512_storeu_si512(y, bytes);
    } else if (stage->together) {
      _mm512_mask_storeu_epi32(y, (__mmask16)((1u << (uint32_t)count * stage->pieces) - 1), bytes);
    } else if (vectors == 2) {
      _mm256_mask_storeu_epi8(y, stage->pixel, _mm512_castsi512_si256(bytes));
      if (count > 1) _mm256_mask_storeu_epi8(y + y_step, stage->pixel, _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      __mmask16 pixel = (__mmask16)stage->pixel;
      _mm_mask_storeu_epi8(y, pixel, _mm512_castsi512_si128(bytes));
      if (count > 1) _mm_mask_storeu_epi8(y + y_step, pixel, _mm512_extracti32x4_epi32(bytes, 1));
      if (count > 2) _mm_mask_storeu_epi8(y + 2 * y_step, pixel, _mm512_extracti32x4_epi32(bytes, 2));
      if (count > 3) _mm_mask_storeu_epi8(y + 3 * y_step, pixel, _mm512_extracti32x4_epi32(bytes, 3));
    }
  }
}

/// A tile of any kind and numbers of any size; `sums` is [pixels][vectors].
__attribute__((noinline)) QK_AVX512 static void qk_store_any(const qk_conv2d_tiles *t, const __m512i *sums,
                                                             ptrdiff_t element) {
  const qk_output *output = t->output;
  qk_saturation_avx512 saturation = qk_saturation_avx512_of_output(output);
  for (size_t first = 0; first < t->width; first += 16) {
    if (t->columns <= first) break;
    __mmask16 lanes = qk_lanes(t->columns - first);
    __m512 multiplier = _mm512_loadu_ps(t->multiplier + first);
    for (size_t r = 0; r < t->pixels.count; r++) {
      __m512i acc = sums[(r * t->width + first) / 16];
      size_t index = (size_t)(element + (ptrdiff_t)r * t->pixels.y_step) + first;
      void *y = qk_output_at(output, t->y, index);
      if (qk_output_is_bytes(output)) {
        __m512i words = qk_requantize_avx512(acc, multiplier, &saturation);
        _mm_mask_storeu_epi8(y, lanes, _mm512_cvtepi32_epi8(words));
      } else {
        if (output->kind == QK_OUTPUT_F32)
          acc = _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(acc), multiplier));
        _mm512_mask_storeu_epi32(y, lanes, acc);
      }
    }
  }
}
