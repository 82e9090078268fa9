#if defined(__aarch64__)
// 16 channels at once, four taps at once: interleaving the bytes of four taps gives sdot four taps of a
// channel in each lane.
#include "../cpu/neon.h"
#include "depthwise.h"

#define DOTPROD __attribute__((target("dotprod")))
#define DOTPROD_INLINE DOTPROD static inline __attribute__((always_inline))

enum { BLOCK = 16, GROUP = 4, SUMS = 4, LANES = 4 };

/// Channels of one tap as s8, `count` of them; zeros where there is no tap.
DOTPROD_INLINE uint8x16_t load_tap(const qk_depthwise_run *run, size_t tap, size_t offset, size_t count) {
  if (tap >= run->tap_count) return vdupq_n_u8(0);
  return veorq_u8(qk_load_bytes_neon(run->taps[tap] + offset, count), vdupq_n_u8(0x80));
}

/// sums += taps `tap` to `tap` + 3 times their weights.
DOTPROD_INLINE void add_group(const qk_depthwise_run *run, size_t tap, size_t offset, size_t count,
                              const int8_t *weights, int32x4_t sums[SUMS]) {
  uint8x16_t a = load_tap(run, tap, offset, count), b = load_tap(run, tap + 1, offset, count);
  uint8x16_t c = load_tap(run, tap + 2, offset, count), d = load_tap(run, tap + 3, offset, count);
  const uint16x8_t ab[2] = {vreinterpretq_u16_u8(vzip1q_u8(a, b)), vreinterpretq_u16_u8(vzip2q_u8(a, b))};
  const uint16x8_t cd[2] = {vreinterpretq_u16_u8(vzip1q_u8(c, d)), vreinterpretq_u16_u8(vzip2q_u8(c, d))};
  for (int i = 0; i < 2; i++) {
    int8x16_t low = vreinterpretq_s8_u16(vzip1q_u16(ab[i], cd[i]));
    int8x16_t high = vreinterpretq_s8_u16(vzip2q_u16(ab[i], cd[i]));
    sums[2 * i] = vdotq_s32(sums[2 * i], low, vld1q_s8(weights + 2 * i * 16));
    sums[2 * i + 1] = vdotq_s32(sums[2 * i + 1], high, vld1q_s8(weights + (2 * i + 1) * 16));
  }
}

/// All pixels of the run for the `count` channels, at most BLOCK, from `first` on.
DOTPROD static void convolve_block(const qk_depthwise_run *run, size_t first, size_t count,
                                   const int32_t *bias) {
  const float *multiplier = (const float *)(bias + BLOCK);
  const int8_t *weights = (const int8_t *)(multiplier + BLOCK);
  const qk_output *output = run->output;
  const qk_saturation_neon saturation = qk_saturation_neon_of_output(output);
  for (size_t p = 0; p < run->pixels; p++) {
    int32x4_t sums[SUMS];
    for (int j = 0; j < SUMS; j++) sums[j] = vld1q_s32(bias + j * LANES);
    for (size_t t = 0; t < run->tap_count; t += GROUP)
      add_group(run, t, p * run->pixel_step + first, count, weights + t * BLOCK, sums);

    void *y = qk_output_at(output, run->y, p * run->channels + first);
    if (qk_output_is_bytes(output)) {
      float32x4_t products[SUMS];
      for (int j = 0; j < SUMS; j++)
        products[j] = vmulq_f32(vcvtq_f32_s32(sums[j]), vld1q_f32(multiplier + j * LANES));
      qk_store_bytes_neon(qk_saturate_bytes_neon(products, &saturation), count, y);
      continue;
    }
    for (size_t j = 0; j * LANES < count; j++)
      qk_store_words_neon(qk_output_words_neon(output, sums[j], vld1q_f32(multiplier + j * LANES)),
                          count - j * LANES, (int32_t *)y + j * LANES);
  }
}

void qk_depthwise_u8s8_ukernel_16c4__neondot(const qk_depthwise_run *run) {
  const size_t block_bytes = qk_depthwise_block_bytes(BLOCK, GROUP, run->tap_count);
  const char *block = run->packed;
  for (size_t first = 0; first < run->channels; first += BLOCK, block += block_bytes) {
    size_t count = run->channels - first < BLOCK ? run->channels - first : BLOCK;
    convolve_block(run, first, count, (const int32_t *)block);
  }
}
#endif
