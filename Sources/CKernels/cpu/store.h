#pragma once
// The output stage of qk_output, one accumulator at a time.
#include "arithmetic.h"

/// Whether accumulators are requantized to bytes, u8 or s8.
static inline bool qk_output_is_bytes(const qk_output *output) {
  return output->kind == QK_OUTPUT_U8 || output->kind == QK_OUTPUT_S8;
}

/// The number a byte of `output` (its zero point or a bound) stands for.
static inline int32_t qk_output_number(const qk_output *output, uint8_t byte) {
  return output->kind == QK_OUTPUT_S8 ? (int8_t)byte : byte;
}

/// Bytes of one element of an output of that kind.
static inline size_t qk_output_size(const qk_output *output) { return qk_output_is_bytes(output) ? 1 : 4; }

/// Address of element `index` of an output of that kind.
static inline void *qk_output_at(const qk_output *output, void *y, size_t index) {
  return (char *)y + index * qk_output_size(output);
}

static inline qk_status qk_check_output(const qk_output *output) {
  bool is_empty = qk_output_number(output, output->lo) > qk_output_number(output, output->hi);
  return qk_output_is_bytes(output) && is_empty ? QK_BAD_RANGE : QK_OK;
}

/// Stores `count` accumulators to y[0..<count].
static inline void qk_store(const qk_output *output, const int32_t *acc, const float *multiplier,
                            size_t count, void *y) {
  switch (output->kind) {
    case QK_OUTPUT_U8:
    case QK_OUTPUT_S8: {
      int32_t zero_point = qk_output_number(output, output->zero_point);
      int32_t lo = qk_output_number(output, output->lo), hi = qk_output_number(output, output->hi);
      for (size_t n = 0; n < count; n++)
        ((uint8_t *)y)[n] = (uint8_t)qk_saturate((float)acc[n] * multiplier[n], zero_point, lo, hi);
      break;
    }
    case QK_OUTPUT_S32:
      for (size_t n = 0; n < count; n++) ((int32_t *)y)[n] = acc[n];
      break;
    case QK_OUTPUT_F32:
      for (size_t n = 0; n < count; n++) ((float *)y)[n] = (float)acc[n] * multiplier[n];
      break;
  }
}
