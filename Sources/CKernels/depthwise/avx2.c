#if defined(__x86_64__)
// 16 channels at once, two taps at once: interleaved bytes of two taps, widened to 16 bits, give vpmaddwd
// both taps of a channel in each lane.
#include <immintrin.h>
#include <string.h>

#include "depthwise.h"

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE AVX2 static inline __attribute__((always_inline))

enum { BLOCK = 16, GROUP = 2, LANES = 8 };

/// `count` bytes, 1...16, and zeros after them; nothing past them is read.
AVX2_INLINE __m128i load_channels(const uint8_t *x, size_t count) {
  if (count == BLOCK) return _mm_loadu_si128((const __m128i *)x);
  uint8_t bytes[BLOCK] = {0};
  memcpy(bytes, x, count);
  return _mm_loadu_si128((const __m128i *)bytes);
}

AVX2_INLINE __m256i add_pair(__m256i sums, __m128i taps, const int8_t *weights) {
  __m256i w = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)weights));
  return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_cvtepu8_epi16(taps), w));
}

AVX2_INLINE void pixel(const qk_depthwise_run *run, size_t offset, size_t count, const int32_t *bias,
                       void *y) {
  const float *multiplier = (const float *)(bias + BLOCK);
  const int8_t *w = (const int8_t *)(multiplier + BLOCK);
  __m256i low = _mm256_loadu_si256((const __m256i *)bias);
  __m256i high = _mm256_loadu_si256((const __m256i *)(bias + LANES));
  for (size_t t = 0; t < run->tap_count; t += GROUP, w += BLOCK * GROUP) {
    size_t second = t + 1 < run->tap_count ? t + 1 : t;  // past the last tap weights are 0
    __m128i a = load_channels(run->taps[t] + offset, count),
            b = load_channels(run->taps[second] + offset, count);
    low = add_pair(low, _mm_unpacklo_epi8(a, b), w);
    high = add_pair(high, _mm_unpackhi_epi8(a, b), w + BLOCK);
  }
  int32_t acc[BLOCK];
  _mm256_storeu_si256((__m256i *)acc, low);
  _mm256_storeu_si256((__m256i *)(acc + LANES), high);
  qk_store(run->output, acc, multiplier, count, y);
}

AVX2 void qk_depthwise_u8s8_ukernel_16c2__avx2(const qk_depthwise_run *run) {
  size_t block_bytes = qk_depthwise_block_bytes(BLOCK, GROUP, run->tap_count);
  for (size_t p = 0; p < run->pixels; p++) {
    const char *block = run->packed;
    for (size_t c = 0; c < run->channels; c += BLOCK, block += block_bytes) {
      size_t count = run->channels - c < BLOCK ? run->channels - c : BLOCK;
      void *y = qk_output_at(run->output, run->y, p * run->channels + c);
      pixel(run, p * run->pixel_step + c, count, (const int32_t *)block, y);
    }
  }
}
#endif
