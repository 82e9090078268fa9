#include "quantize.h"

#define QK_QUANTIZE(isa, function) \
  void function(const qk_quantizer *quantizer, size_t n, const float *x, uint8_t *y);
#define QK_DEQUANTIZE(isa, function) \
  void function(float scale, int32_t zero_point, uint8_t flip, size_t n, const uint8_t *x, float *y);
#define QK_MINMAX_F32(isa, function) qk_minmax function(size_t n, const float *x);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_quantize_fn run;
} quantize_kernels[] = {
#define QK_QUANTIZE(isa, function) {isa, function},
#include "kernels.inc"
};

static const struct {
  uint32_t isa;
  qk_dequantize_fn run;
} dequantize_kernels[] = {
#define QK_DEQUANTIZE(isa, function) {isa, function},
#include "kernels.inc"
};

static const struct {
  uint32_t isa;
  qk_minmax_fn run;
} minmax_kernels[] = {
#define QK_MINMAX_F32(isa, function) {isa, function},
#include "kernels.inc"
};

qk_quantize_fn qk_quantize_kernel(uint32_t isa) { return QK_FIRST_RUNNABLE(quantize_kernels, isa)->run; }

qk_minmax_fn qk_minmax_kernel(uint32_t isa) { return QK_FIRST_RUNNABLE(minmax_kernels, isa)->run; }

static qk_status check(qk_scale_layout layout, const float *scale) {
  size_t elements;
  if (!qk_product(layout.outer, layout.channels, &elements) || !qk_product(elements, layout.inner, &elements))
    return QK_BAD_SIZE;
  return qk_are_scales(scale, layout.channels) ? QK_OK : QK_BAD_SCALE;
}

/// Zero points of either type as integers; NULL stands for zeros.
typedef struct zero_points {
  const uint8_t *u8;
  const int8_t *s8;
} zero_points;

static int32_t zero_point_at(zero_points points, size_t channel) {
  if (points.u8) return points.u8[channel];
  return points.s8 ? points.s8[channel] : 0;
}

static qk_status quantize(uint32_t isa, qk_scale_layout layout, const float *x, const float *scale,
                          zero_points points, int32_t lo, int32_t hi, uint8_t *y) {
  qk_status status = check(layout, scale);
  if (status != QK_OK) return status;
  qk_quantize_fn run = qk_quantize_kernel(isa);
  for (size_t i = 0; i < layout.outer; i++)
    for (size_t c = 0; c < layout.channels; c++, x += layout.inner, y += layout.inner) {
      qk_quantizer quantizer = {scale[c], zero_point_at(points, c), lo, hi};
      run(&quantizer, layout.inner, x, y);
    }
  return QK_OK;
}

qk_status qk_quantize_u8(uint32_t isa, qk_scale_layout layout, const float *x, const float *scale,
                         const uint8_t *zero_point, uint8_t *y) {
  return quantize(isa, layout, x, scale, (zero_points){.u8 = zero_point}, 0, 255, y);
}

qk_status qk_quantize_s8(uint32_t isa, qk_scale_layout layout, const float *x, const float *scale,
                         const int8_t *zero_point, int8_t lo, int8_t *y) {
  return quantize(isa, layout, x, scale, (zero_points){.s8 = zero_point}, lo, 127, (uint8_t *)y);
}

static qk_status dequantize(uint32_t isa, qk_scale_layout layout, const uint8_t *x, const float *scale,
                            zero_points points, uint8_t flip, float *y) {
  qk_status status = check(layout, scale);
  if (status != QK_OK) return status;
  qk_dequantize_fn run = QK_FIRST_RUNNABLE(dequantize_kernels, isa)->run;
  for (size_t i = 0; i < layout.outer; i++)
    for (size_t c = 0; c < layout.channels; c++, x += layout.inner, y += layout.inner)
      run(scale[c], zero_point_at(points, c) + flip, flip, layout.inner, x, y);
  return QK_OK;
}

qk_status qk_dequantize_u8(uint32_t isa, qk_scale_layout layout, const uint8_t *x, const float *scale,
                           const uint8_t *zero_point, float *y) {
  return dequantize(isa, layout, x, scale, (zero_points){.u8 = zero_point}, 0, y);
}

qk_status qk_dequantize_s8(uint32_t isa, qk_scale_layout layout, const int8_t *x, const float *scale,
                           const int8_t *zero_point, float *y) {
  return dequantize(isa, layout, (const uint8_t *)x, scale, (zero_points){.s8 = zero_point}, 0x80, y);
}

qk_minmax qk_minmax_f32(uint32_t isa, size_t n, const float *x) {
  qk_minmax result = qk_minmax_kernel(isa)(n, x);
  result.min += 0.0f;  // -0 becomes 0, whatever order the numbers were met in
  result.max += 0.0f;
  return result;
}
