#pragma once
// Inside of quantize and dequantize: kernels work on a run of numbers under one scale.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "../cpu/store.h"
#include "plain/dequantize.h"
#include "plain/quantize.h"

/// The same as an output stage: hi tells u8 (255) from s8 (127).
static inline qk_output qk_quantizer_output(const qk_quantizer *q) {
  return (qk_output){q->hi > INT8_MAX ? QK_OUTPUT_U8 : QK_OUTPUT_S8, (uint8_t)q->zero_point, (uint8_t)q->lo,
                     (uint8_t)q->hi};
}

/// y[i] = low byte of clamp(rne(x[i] / scale) + zero_point, lo, hi): right for u8 and for s8.
typedef void (*qk_quantize_fn)(const qk_quantizer *quantizer, size_t n, const float *x, uint8_t *y);

/// y[i] = f32((x[i] ^ flip) - zero_point) * scale. For s8, flip is 0x80 and the zero point 128 higher.
typedef void (*qk_dequantize_fn)(float scale, int32_t zero_point, uint8_t flip, size_t n, const uint8_t *x,
                                 float *y);

typedef qk_minmax (*qk_minmax_fn)(size_t n, const float *x);

/// The fastest kernels `isa` can run, for operations that quantize piece by piece.
qk_quantize_fn qk_quantize_kernel(uint32_t isa);
qk_minmax_fn qk_minmax_kernel(uint32_t isa);

static inline void qk_minmax_elements(qk_minmax *result, size_t n, const float *x) {
  for (size_t i = 0; i < n; i++) {
    if (isnan(x[i])) {
      result->nan_count++;
    } else if (isinf(x[i])) {
      result->inf_count++;
    } else {
      result->min = x[i] < result->min ? x[i] : result->min;
      result->max = x[i] > result->max ? x[i] : result->max;
    }
  }
}
