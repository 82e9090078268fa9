// Quantization with scales found on the way: a scan of each row, then the quantize kernel.
#include "../quantize/quantize.h"
#include "qk_int8_elementwise.h"

#pragma STDC FP_CONTRACT OFF

/// Rows of floats, and where their bytes go.
typedef struct rows {
  size_t count, n;
  const float *x;
  size_t x_stride;
  uint8_t *y;
  size_t y_stride;
} rows;

static qk_status check(const rows *rows) {
  size_t elements;
  bool fits = qk_product(rows->count, rows->x_stride, &elements) &&
              qk_product(rows->count, rows->y_stride, &elements) && rows->x_stride >= rows->n &&
              rows->y_stride >= rows->n;
  return fits ? QK_OK : QK_BAD_SIZE;
}

/// The extremes of a row, 0 being one of its numbers.
static qk_status scan(qk_minmax_fn run, size_t n, const float *x, float extremes[2]) {
  qk_minmax range = run(n, x);
  if (range.nan_count || range.inf_count) return QK_NOT_FINITE;
  extremes[0] = range.min < 0 ? range.min : 0.0f;
  extremes[1] = range.max > 0 ? range.max : 0.0f;
  return QK_OK;
}

/// A row of zeros has no scale of its own, and any will do.
static float scale_or_one(float scale) { return scale > 0 ? scale : 1.0f; }

// From the scan of a row to its scale is a long chain. Several rows are scanned before the first of them is
// quantized, so that the chains overlap, and while they are in the nearest cache.
enum { ROWS_AT_ONCE = 16 };

/// How one row of extremes[0] to extremes[1] is quantized.
typedef qk_quantizer (*choice)(const float extremes[2]);

/// ONNX DynamicQuantizeLinear.
static qk_quantizer choose(const float extremes[2]) {
  float scale = scale_or_one((extremes[1] - extremes[0]) / 255);
  return (qk_quantizer){scale, qk_saturate(-extremes[0] / scale, 0, 0, 255), 0, 255};
}

static qk_quantizer choose_symmetric(const float extremes[2]) {
  float largest = extremes[1] > -extremes[0] ? extremes[1] : -extremes[0];
  return (qk_quantizer){scale_or_one(largest / 127), 0, -127, 127};
}

static qk_quantizer choose_symmetric_u8(const float extremes[2]) {
  qk_quantizer quantizer = choose_symmetric(extremes);
  return (qk_quantizer){quantizer.scale, 128, 1, 255};
}

static qk_status quantize(uint32_t isa, const rows *rows, choice choose_for, float *scale,
                          uint8_t *zero_point) {
  qk_quantizer quantizers[ROWS_AT_ONCE];
  const qk_minmax_fn find_range = qk_minmax_kernel(isa);
  const qk_quantize_fn run = qk_quantize_kernel(isa);
  qk_status status = check(rows);
  for (size_t start = 0; start < rows->count && status == QK_OK; start += ROWS_AT_ONCE) {
    size_t end = rows->count - start < ROWS_AT_ONCE ? rows->count : start + ROWS_AT_ONCE;
    for (size_t r = start; r < end && status == QK_OK; r++) {
      float extremes[2];
      status = scan(find_range, rows->n, rows->x + r * rows->x_stride, extremes);
      if (status != QK_OK) break;
      qk_quantizer *quantizer = &quantizers[r - start];
      *quantizer = choose_for(extremes);
      scale[r] = quantizer->scale;
      if (zero_point) zero_point[r] = (uint8_t)quantizer->zero_point;
      if (!qk_is_scale(scale[r])) status = QK_BAD_SCALE;
    }
    for (size_t r = start; r < end && status == QK_OK; r++)
      run(&quantizers[r - start], rows->n, rows->x + r * rows->x_stride, rows->y + r * rows->y_stride);
  }
  return status;
}

qk_status qk_dynamic_quantize_rows_u8(uint32_t isa, size_t count, size_t n, const float *x, size_t x_stride,
                                      uint8_t *y, size_t y_stride, float *scale, uint8_t *zero_point) {
  const rows rows = {count, n, x, x_stride, y, y_stride};
  return quantize(isa, &rows, choose, scale, zero_point);
}

qk_status qk_dynamic_quantize_rows_s8(uint32_t isa, size_t count, size_t n, const float *x, size_t x_stride,
                                      int8_t *y, size_t y_stride, float *scale) {
  const rows rows = {count, n, x, x_stride, (uint8_t *)y, y_stride};
  return quantize(isa, &rows, choose_symmetric, scale, NULL);
}

qk_status qk_dynamic_quantize_rows_u8_symmetric(uint32_t isa, size_t count, size_t n, const float *x,
                                                size_t x_stride, uint8_t *y, size_t y_stride, float *scale) {
  const rows rows = {count, n, x, x_stride, y, y_stride};
  return quantize(isa, &rows, choose_symmetric_u8, scale, NULL);
}
