#pragma once
// Integer operations that work number by number, or row by row without weights. The contract of qk_int8.h
// holds: numbers, rounding and saturation are as defined there, and every instruction set gives the same
// bits.
//
// s8 tensors. Every function here takes u8. An s8 tensor of zero point z is the u8 tensor of its bytes xor
// 0x80 with zero point z + 128 (qk_flip_sign), bounds likewise, and so back. A table for s8 is one for u8
// with index and entries xor 0x80; nothing needs to be flipped for it beyond the 256 entries.
#include "plain/add.h"
#include "plain/mul.h"
#include "qk_int8.h"

// ---- sum and product: the formulas are in plain/add.h and plain/mul.h

/// `y` may be `a` or `b`.
qk_status qk_add_u8(uint32_t isa, const qk_add_u8_params *params, size_t n, const uint8_t *a,
                    const uint8_t *b, uint8_t *y);

/// y[rows, n] = a[rows, n] + b[n]: the same b for every row; n = 1 adds a scalar. `y` may be `a`.
qk_status qk_add_u8_broadcast(uint32_t isa, const qk_add_u8_params *params, size_t rows, size_t n,
                              const uint8_t *a, const uint8_t *b, uint8_t *y);

/// `y` may be `a` or `b`.
qk_status qk_mul_u8(uint32_t isa, const qk_mul_u8_params *params, size_t n, const uint8_t *a,
                    const uint8_t *b, uint8_t *y);

/// y[rows, n] = a[rows, n] * b[n]: the same b for every row; n = 1 multiplies by a scalar. `y` may be `a`.
qk_status qk_mul_u8_broadcast(uint32_t isa, const qk_mul_u8_params *params, size_t rows, size_t n,
                              const uint8_t *a, const uint8_t *b, uint8_t *y);

// ---- functions of one byte

/// y[i] = table[x[i]]: any unary function of a quantized tensor. `y` may be `x`.
void qk_lookup_u8(uint32_t isa, size_t n, const uint8_t *x, const uint8_t table[256], uint8_t *y);

/// table[x] = clamp(rne((x - zx) * m) + zy, lo, hi): the lookup that requantizes.
qk_status qk_requantize_table(uint8_t x_zero_point, float multiplier, uint8_t zero_point, uint8_t lo,
                              uint8_t hi, uint8_t table[256]);

/// y[i] = x[i] ^ 0x80: turns s8 into u8 of a zero point 128 higher, and back. `y` may be `x`.
void qk_flip_sign(uint32_t isa, size_t n, const uint8_t *x, uint8_t *y);

// ---- concatenation

/// Rows [rows, n] of one input of a concatenation, `x_stride` bytes from one to the next. `table` is that of
/// qk_requantize_table where the input has another scale or zero point than the output, NULL where it has the
/// same.
typedef struct qk_concat_u8_part {
  const uint8_t *x;
  size_t n, x_stride;
  const uint8_t *table;
} qk_concat_u8_part;

/// y[r] = row r of each of `count` parts, one after the other. What lies beyond the parts in a row of y,
/// which is `y_stride` bytes long, is left alone.
qk_status qk_concat_u8(uint32_t isa, size_t rows, size_t count, const qk_concat_u8_part *parts, uint8_t *y,
                       size_t y_stride);

// ---- dynamic quantization

/// Quantizes each row of x [rows, n] by its own range, as ONNX DynamicQuantizeLinear does a whole tensor
/// (which is one row here). With 0 counted among the numbers of the row:
///   scale = (max - min) / 255, or 1 where that is 0;  zero_point = clamp(rne(-min / scale), 0, 255);
///   y = clamp(rne(x / scale) + zero_point, 0, 255), each operation rounded once.
/// Strides are the distances of two rows, in elements; `scale` and `zero_point` hold one for each row.
/// QK_NOT_FINITE if a number is NaN or infinite, QK_BAD_SCALE if max - min is above the largest float;
/// what the outputs hold is not defined then.
qk_status qk_dynamic_quantize_rows_u8(uint32_t isa, size_t rows, size_t n, const float *x, size_t x_stride,
                                      uint8_t *y, size_t y_stride, float *scale, uint8_t *zero_point);

/// Symmetric form: scale = max |x| / 127, or 1 where that is 0; y = clamp(rne(x / scale), -127, 127).
qk_status qk_dynamic_quantize_rows_s8(uint32_t isa, size_t rows, size_t n, const float *x, size_t x_stride,
                                      int8_t *y, size_t y_stride, float *scale);

/// The same numbers as u8 of zero point 128, from 1 to 255.
qk_status qk_dynamic_quantize_rows_u8_symmetric(uint32_t isa, size_t rows, size_t n, const float *x,
                                                size_t x_stride, uint8_t *y, size_t y_stride, float *scale);

// ---- softmax

/// What softmax needs of its scales: made once by qk_softmax_u8_prepare, the same on every machine.
typedef struct qk_softmax_u8_table {
  uint32_t exponential[256];  // e^-(d * x_scale) in units of 2^-23
  uint8_t planes[3][256];     // its bytes, lowest first
  float inverse_scale;        // 1 / y_scale
  uint8_t zero_point;         // of y
} qk_softmax_u8_table;

/// For softmax of a tensor of scale `x_scale` (its zero point does not matter) to one of `y_scale`, normally
/// 1 / 256, and `zero_point`, normally 0. y_scale is at least 2^-30.
qk_status qk_softmax_u8_prepare(float x_scale, float y_scale, uint8_t zero_point, qk_softmax_u8_table *table);

/// Softmax over each row of x [rows, n], n up to QK_MAX_DEPTH. With E[d] = rne(2^23 * e^-(d * sx)) and M the
/// largest x of the row:
///   S = sum of E[M - x], exact;  m = f32(1 / sy) / f32(S);  y = clamp(rne(f32(E[M - x]) * m) + zy, 0, 255).
/// At y_scale 1/256 that is within 1 of the rounded result of real arithmetic.
/// `valid` [rows] may be NULL; otherwise only the first valid[r] columns of row r count, and the rest of the
/// row becomes zy (for an attention mask). Strides are the distances of two rows. `y` may be `x`.
qk_status qk_softmax_u8(uint32_t isa, const qk_softmax_u8_table *table, size_t rows, size_t n,
                        const uint8_t *x, size_t x_stride, const uint32_t *valid, uint8_t *y,
                        size_t y_stride);

// ---- layer normalization

/// y = (x - mean) / sqrt(variance + epsilon) * gamma + beta over each row of x [rows, n], n up to
/// QK_MAX_DEPTH, from sums that are exact: s1 of x and s2 of x^2. The zero point of x does not matter.
/// Rounded once each,
///   whole = floor(s1 / n);  fraction = f32(s1 mod n) / f32(n);
///   r = f32(1 / sqrt(f64(n * s2 - s1^2) / f64(n * n) + f64(epsilon) / (f64(x_scale) * f64(x_scale))));
///   t = (((x - whole) - fraction) * r) * gamma + beta;  y = t, or clamp(rne(t) + zy, lo, hi).
/// Epsilon is positive. Strides are the distances of two rows, in elements.
typedef struct qk_layer_norm_u8_params {
  float x_scale, epsilon;
  uint8_t zero_point, lo, hi;
} qk_layer_norm_u8_params;

/// To u8 of scale sy: `gamma` and `beta` [n] are divided by sy already. `y` may be `x`.
qk_status qk_layer_norm_u8(uint32_t isa, const qk_layer_norm_u8_params *params, size_t rows, size_t n,
                           const float *gamma, const float *beta, const uint8_t *x, size_t x_stride,
                           uint8_t *y, size_t y_stride);

/// To floats.
qk_status qk_layer_norm_u8_f32(uint32_t isa, float x_scale, float epsilon, size_t rows, size_t n,
                               const float *gamma, const float *beta, const uint8_t *x, size_t x_stride,
                               float *y, size_t y_stride);
