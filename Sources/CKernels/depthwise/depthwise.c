#include "depthwise.h"

#include <string.h>

#define QK_DEPTHWISE_U8S8(isa, channels, taps, function) void function(const qk_depthwise_run *run);
#include "kernels.inc"

static const qk_depthwise_kernel kernels[] = {
#define QK_DEPTHWISE_U8S8(isa, channels, taps, function) {isa, channels, taps, function},
#include "kernels.inc"
};

const qk_depthwise_kernel *qk_depthwise_kernel_for(uint32_t isa) { return QK_FIRST_RUNNABLE(kernels, isa); }

size_t qk_depthwise_packed_bytes(const qk_depthwise_kernel *kernel, size_t channels, size_t taps) {
  size_t blocks = qk_round_up(channels, kernel->block) / kernel->block;
  return blocks * qk_depthwise_block_bytes(kernel->block, kernel->group, taps);
}

void qk_depthwise_pack(const qk_depthwise_kernel *kernel, size_t channels, size_t repeats, size_t taps,
                       const int8_t *weights, const int32_t *bias, const float *multiplier,
                       uint8_t zero_point, void *packed) {
  size_t block = kernel->block, group = kernel->group;
  size_t block_bytes = qk_depthwise_block_bytes(block, group, taps);
  memset(packed, 0, qk_depthwise_packed_bytes(kernel, channels * repeats, taps));
  for (size_t c = 0; c < channels * repeats; c++) {
    size_t slot = c % block, channel = c % channels;
    int32_t *block_bias = (int32_t *)((char *)packed + c / block * block_bytes);
    float *block_multiplier = (float *)(block_bias + block);
    int8_t *block_weights = (int8_t *)(block_multiplier + block);
    uint32_t sum = 0;
    for (size_t t = 0; t < taps; t++) {
      int8_t w = weights[channel * taps + t];
      block_weights[(t / group * block + slot) * group + t % group] = w;
      sum += (uint32_t)w;
    }
    block_bias[slot] = (int32_t)((bias ? (uint32_t)bias[channel] : 0) - zero_point * sum);
    block_multiplier[slot] = multiplier ? multiplier[channel] : 1.0f;
  }
}
