#pragma once
// The output stage of qk_output, one accumulator at a time.
#include "arithmetic.h"

/// Bytes of one element of an output of that kind.
static inline size_t qk_output_size(const qk_output *output) { return output->kind == QK_OUTPUT_U8 ? 1 : 4; }

/// Address of element `index` of an output of that kind.
static inline void *qk_output_at(const qk_output *output, void *y, size_t index) {
  return (char *)y + index * qk_output_size(output);
}

static inline qk_status qk_check_output(const qk_output *output) {
  return output->kind == QK_OUTPUT_U8 && output->lo > output->hi ? QK_BAD_RANGE : QK_OK;
}

/// Stores `count` accumulators to y[0..<count].
static inline void qk_store(const qk_output *output, const int32_t *acc, const float *multiplier,
                            size_t count, void *y) {
  switch (output->kind) {
    case QK_OUTPUT_U8:
      for (size_t n = 0; n < count; n++)
        ((uint8_t *)y)[n] = qk_requantize(acc[n], multiplier[n], output->zero_point, output->lo, output->hi);
      break;
    case QK_OUTPUT_S32:
      for (size_t n = 0; n < count; n++) ((int32_t *)y)[n] = acc[n];
      break;
    case QK_OUTPUT_F32:
      for (size_t n = 0; n < count; n++) ((float *)y)[n] = (float)acc[n] * multiplier[n];
      break;
  }
}
