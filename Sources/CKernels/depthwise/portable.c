#include "depthwise.h"

enum { BLOCK = 16 };

// Sums are unsigned, so that an overflowing bias wraps as it does in vector registers.
static void pixel(const qk_depthwise_run *run, size_t p, size_t first, const int32_t *bias, void *y) {
  const float *multiplier = (const float *)(bias + BLOCK);
  const int8_t *w = (const int8_t *)(multiplier + BLOCK);
  size_t count = run->channels - first < BLOCK ? run->channels - first : BLOCK;
  uint32_t sum[BLOCK];
  for (size_t c = 0; c < count; c++) sum[c] = (uint32_t)bias[c];
  for (size_t t = 0; t < run->tap_count; t++, w += BLOCK) {
    const uint8_t *x = run->taps[t] + p * run->pixel_step + first;
    for (size_t c = 0; c < count; c++) sum[c] += (uint32_t)(x[c] * w[c]);
  }
  qk_store(run->output, (const int32_t *)sum, multiplier, count, y);
}

void qk_depthwise_u8s8_ukernel_16c1__portable(const qk_depthwise_run *run) {
  size_t block_bytes = qk_depthwise_block_bytes(BLOCK, 1, run->tap_count);
  for (size_t p = 0; p < run->pixels; p++) {
    const char *block = run->packed;
    for (size_t c = 0; c < run->channels; c += BLOCK, block += block_bytes)
      pixel(run, p, c, (const int32_t *)block, qk_output_at(run->output, run->y, p * run->channels + c));
  }
}
