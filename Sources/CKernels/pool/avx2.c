#if defined(__x86_64__)
// 32 channels at once, then 8, then one.
#include "../cpu/avx2.h"
#include "pool.h"

enum { BLOCK = 32, SMALL = 8, SUMMED = 256 };  // channels; bytes whose sum fits in 16 bits

/// `channels` is BLOCK or SMALL.
QK_AVX2_INLINE __m256i max_pixels(const qk_windows *w, const uint8_t *first, const size_t channels) {
  __m256i largest = _mm256_setzero_si256();
  for (size_t i = 0; i < w->rows; i++, first += w->row_step) {
    const uint8_t *x = first;
    for (size_t j = 0; j < w->columns; j++, x += w->column_step)
      largest = _mm256_max_epu8(largest, channels == BLOCK
                                             ? _mm256_loadu_si256((const __m256i *)x)
                                             : _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)x)));
  }
  return largest;
}

static uint8_t max_channel(const qk_windows *w, const uint8_t *first) {
  uint8_t largest = 0;
  for (size_t i = 0; i < w->rows; i++)
    for (size_t j = 0; j < w->columns; j++) {
      uint8_t x = first[i * w->row_step + j * w->column_step];
      largest = x > largest ? x : largest;
    }
  return largest;
}

QK_AVX2_TARGET void qk_max_windows_u8_ukernel__avx2(const qk_windows *windows, uint8_t *y) {
  const qk_windows w = *windows;
  for (size_t i = 0; i < w.count; i++, y += w.channels) {
    const uint8_t *x = w.first + i * w.step;
    size_t c = 0;
    for (; c + BLOCK <= w.channels; c += BLOCK)
      _mm256_storeu_si256((__m256i *)(y + c), max_pixels(&w, x + c, BLOCK));
    for (; c + SMALL <= w.channels; c += SMALL)
      _mm_storel_epi64((__m128i *)(y + c), _mm256_castsi256_si128(max_pixels(&w, x + c, SMALL)));
    for (; c < w.channels; c++) y[c] = max_channel(&w, x + c);
  }
}

/// sums += the pixels of one row, 32 channels. Unpacking works within 128-bit halves: sum j has dword j of
/// both halves of the channels, the order in which qk_narrow_avx2 puts bytes together again.
QK_AVX2_INLINE void add_row(const qk_windows *w, const uint8_t *x, __m256i sums[4]) {
  const __m256i zero = _mm256_setzero_si256();
  for (size_t done = 0; done < w->columns;) {
    const size_t end = w->columns - done < SUMMED ? w->columns : done + SUMMED;
    __m256i low = zero, high = zero;
    for (; done < end; done++, x += w->column_step) {
      __m256i pixel = _mm256_loadu_si256((const __m256i *)x);
      low = _mm256_add_epi16(low, _mm256_unpacklo_epi8(pixel, zero));
      high = _mm256_add_epi16(high, _mm256_unpackhi_epi8(pixel, zero));
    }
    sums[0] = _mm256_add_epi32(sums[0], _mm256_unpacklo_epi16(low, zero));
    sums[1] = _mm256_add_epi32(sums[1], _mm256_unpackhi_epi16(low, zero));
    sums[2] = _mm256_add_epi32(sums[2], _mm256_unpacklo_epi16(high, zero));
    sums[3] = _mm256_add_epi32(sums[3], _mm256_unpackhi_epi16(high, zero));
  }
}

/// Sums of 8 channels.
QK_AVX2_INLINE __m256i sum_pixels(const qk_windows *w, const uint8_t *first, __m256i sum) {
  for (size_t i = 0; i < w->rows; i++, first += w->row_step) {
    const uint8_t *x = first;
    for (size_t j = 0; j < w->columns; j++, x += w->column_step)
      sum = _mm256_add_epi32(sum, _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)x)));
  }
  return sum;
}

static int32_t sum_channel(const qk_windows *w, const uint8_t *first, int32_t sum) {
  for (size_t i = 0; i < w->rows; i++)
    for (size_t j = 0; j < w->columns; j++) sum += first[i * w->row_step + j * w->column_step];
  return sum;
}

QK_AVX2_INLINE __m256i requantize(const __m256i sums[4], __m256 multiplier, const qk_bytes_avx2 *to_bytes) {
  __m256i words[4];
  for (int j = 0; j < 4; j++) words[j] = qk_round_avx2(sums[j], multiplier, to_bytes);
  return qk_narrow_avx2(words, to_bytes);
}

QK_AVX2_TARGET void qk_average_windows_u8_ukernel__avx2(const qk_windows *windows,
                                                        const qk_window_average *average, uint8_t *y) {
  const qk_windows w = *windows;
  const qk_output output = {QK_OUTPUT_U8, average->zero_point, average->lo, average->hi};
  const qk_bytes_avx2 to_bytes = qk_bytes_avx2_of(&output);
  const __m256 multiplier = _mm256_set1_ps(average->multiplier);
  const __m256i bias = _mm256_set1_epi32(average->bias);
  for (size_t i = 0; i < w.count; i++, y += w.channels) {
    const uint8_t *x = w.first + i * w.step;
    size_t c = 0;
    for (; c + BLOCK <= w.channels; c += BLOCK) {
      __m256i sums[4] = {bias, bias, bias, bias};
      for (size_t r = 0; r < w.rows; r++) add_row(&w, x + c + r * w.row_step, sums);
      _mm256_storeu_si256((__m256i *)(y + c), requantize(sums, multiplier, &to_bytes));
    }
    for (; c + SMALL <= w.channels; c += SMALL) {
      __m256i sum = sum_pixels(&w, x + c, bias);
      __m256i sums[4] = {sum, _mm256_permute2x128_si256(sum, sum, 1), sum, sum};
      _mm_storel_epi64((__m128i *)(y + c), _mm256_castsi256_si128(requantize(sums, multiplier, &to_bytes)));
    }
    for (; c < w.channels; c++)
      y[c] = qk_requantize(sum_channel(&w, x + c, average->bias), average->multiplier, average->zero_point,
                           average->lo, average->hi);
  }
}
#endif
