#pragma once
// Inside of the depthwise convolution (one filter for each channel). A kernel computes a run of output pixels
// of one row, for all channels: tap t of pixel p reads the channels from taps[t] + p * pixel_step.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "../cpu/store.h"

typedef struct qk_depthwise_run {
  size_t pixels, channels, tap_count;
  const uint8_t *const *taps;  // tap_count pointers
  size_t pixel_step;           // in bytes
  const void *packed;          // blocks of channels, see qk_depthwise_pack
  const qk_output *output;
  void *y;  // [pixels, channels]
} qk_depthwise_run;

typedef struct qk_depthwise_kernel {
  uint32_t isa;
  uint16_t block;  // channels of one packed block
  uint16_t group;  // taps multiplied by one instruction; their number is padded to it
  void (*run)(const qk_depthwise_run *run);
} qk_depthwise_kernel;

const qk_depthwise_kernel *qk_depthwise_kernel_for(uint32_t isa);

/// Bytes of one packed block: bias' [block], multiplier [block], weights [tap groups][block][group].
static inline size_t qk_depthwise_block_bytes(size_t block, size_t group, size_t taps) {
  return qk_round_up(block * (sizeof(int32_t) + sizeof(float) + qk_round_up(taps, group)), QK_ALIGNMENT);
}

size_t qk_depthwise_packed_bytes(const qk_depthwise_kernel *kernel, size_t channels, size_t taps);

/// Packs weights [channels, taps], all channels `repeats` times over. Channels past the last one get zeros.
void qk_depthwise_pack(const qk_depthwise_kernel *kernel, size_t channels, size_t repeats, size_t taps,
                       const int8_t *weights, const int32_t *bias, const float *multiplier,
                       uint8_t zero_point, void *packed);
