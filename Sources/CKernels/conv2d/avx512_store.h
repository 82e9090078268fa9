#pragma once
// Output stages of the AVX-512 tiles. Include in files for x86-64 only.
#include <string.h>

#include "../cpu/avx512.h"
#include "tiles.h"

enum { QK_VECTORS = 2 };  // most vectors of 16 channels in a panel

/// qk_output of bytes in registers. The upper bound is applied to the fp32 product, which keeps numbers too
/// large for an integer on their side; the lower one to the bytes, since narrowing saturates. An s8 output is
/// computed as u8 of a zero point and bounds xor 0x80, and flipped.
typedef struct qk_byte_stage {
  __m512 most;
  __m512i zero_point, lo, transpose, flip;
} qk_byte_stage;

QK_AVX512_INLINE qk_byte_stage qk_byte_stage_of(const qk_output *output) {
  uint8_t flip = output->kind == QK_OUTPUT_S8 ? 0x80 : 0;
  int32_t zero_point = output->zero_point ^ flip, lo = output->lo ^ flip, hi = output->hi ^ flip;
  return (qk_byte_stage){
      _mm512_set1_ps((float)(hi - zero_point)),
      _mm512_set1_epi16((short)zero_point),
      _mm512_set1_epi8((char)lo),
      _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
      _mm512_set1_epi8((char)flip),
  };
}

/// Four vectors of accumulators to 64 bytes, in order.
QK_AVX512_INLINE __m512i qk_requantize_64(const __m512i sums[4], const __m512 multipliers[4],
                                          const qk_byte_stage *stage) {
  __m512i words[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    __m512 t = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[i]), multipliers[i]);
    words[i] = _mm512_cvtps_epi32(_mm512_min_ps(t, stage->most));
  }
  __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(words[0], words[1]), stage->zero_point);
  __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(words[2], words[3]), stage->zero_point);
  __m512i bytes = _mm512_max_epu8(_mm512_packus_epi16(low, high), stage->lo);
  bytes = _mm512_permutexvar_epi32(stage->transpose, bytes);  // packing interleaved the 128-bit quarters
  return _mm512_xor_si512(bytes, stage->flip);
}

/// A tile whose panel is written whole. Where its pixels lie together, 64 bytes at a time.
QK_AVX512_INLINE void qk_store_whole_bytes(const qk_conv2d_tiles *t, int rows, int vectors,
                                           __m512i sums[][QK_VECTORS], const qk_byte_stage *stage,
                                           uint8_t *y) {
  const int pixels_per_store = 4 / vectors, pixel_bytes = 16 * vectors;
  ptrdiff_t y_step = t->pixels.y_step;
  __m512 multipliers[4];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) multipliers[i] = _mm512_loadu_ps(t->multiplier + i % vectors * 16);
#pragma clang loop unroll(full)
  for (int r = 0; r < rows; r += pixels_per_store, y += pixels_per_store * y_step) {
    const int count = rows - r < pixels_per_store ? rows - r : pixels_per_store;
    __m512i four[4];
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++)
      four[i] = i / vectors < count ? sums[r + i / vectors][i % vectors] : _mm512_setzero_si512();
    __m512i bytes = qk_requantize_64(four, multipliers, stage);
    if (y_step == pixel_bytes) {
      if (count == pixels_per_store)
        _mm512_storeu_si512(y, bytes);
      else
        _mm512_mask_storeu_epi8(y, qk_byte_lanes((size_t)(count * pixel_bytes)), bytes);
    } else if (vectors == 2) {
      _mm256_storeu_si256((__m256i *)y, _mm512_castsi512_si256(bytes));
      if (count > 1) _mm256_storeu_si256((__m256i *)(y + y_step), _mm512_extracti64x4_epi64(bytes, 1));
    } else {
      _mm_storeu_si128((__m128i *)y, _mm512_castsi512_si128(bytes));
      if (count > 1) _mm_storeu_si128((__m128i *)(y + y_step), _mm512_extracti32x4_epi32(bytes, 1));
      if (count > 2) _mm_storeu_si128((__m128i *)(y + 2 * y_step), _mm512_extracti32x4_epi32(bytes, 2));
      if (count > 3) _mm_storeu_si128((__m128i *)(y + 3 * y_step), _mm512_extracti32x4_epi32(bytes, 3));
    }
  }
}

/// A tile of any kind and number of columns; `sums` is [pixels][vectors].
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
