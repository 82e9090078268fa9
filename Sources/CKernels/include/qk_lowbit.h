#pragma once
// Linear layers whose weights take 2, 4 or 8 bits each, in groups along k that have a scale, and perhaps a
// zero point, of their own: ONNX Runtime's MatMulNBits. Activations are f32, or s8 quantized a row (or a
// group of a row) at a time just before the product. This file is the contract: every instruction set gives
// these bits (of a NaN, only that it is one).
//
// Weights. A code q is 0...2^bits - 1 and stands for (q - z) * s, with the zero point z and scale s of the
//   group it is in: z is a code as well, 2^(bits - 1) where none is given, s is any finite number. Codes
//   -2...1 are 0...3 with z = 2; ternary -1, 0, 1 are 0...2 with z = 1. 3-bit codes take the place of 4-bit
//   ones. Group g covers k from g * group to the smaller of (g + 1) * group and k.
// f32 activations.
//   t = fmaf(x[k], f32(q[k] - z), t) over a group, k ascending from t = +0
//   acc = fmaf(t, s[g], acc) over the groups, g ascending from acc = +0;  y = acc + bias
// s8 activations, a scale sx and a zero point zx for each row.
//   d = sum over a group of (q[k] - z) * x[k], exact in int32 (below 2^23, so exact in f32)
//   acc = fmaf(f32(d), s[g], acc), g ascending from acc = +0;  y = fmaf(fmaf(-f32(zx), sum, acc), sx, bias)
//   where `sum` is that chain with 1 for every x, made when weights are packed.
// s8 activations, a scale for each group of each row, no zero points.
//   acc = fmaf(f32(d), s[g] * sx[g], acc), the product of the scales rounded;  y = acc + bias
// fmaf rounds once, as in C; without a bias, bias = +0.
//
// Scales that all fit fp16 exactly are stored so, in half the memory: qk_round_f16 makes them fit.
#include "qk_int8.h"

/// How codes (and zero points) lie in memory.
typedef enum qk_code_order : uint32_t {
  /// A byte for each code: codes [n, k], zero points [n, groups].
  QK_CODES_U8,
  /// The same with codes less 2^(bits - 1), as s8: -8...7 for 4 bits.
  QK_CODES_S8,
  /// MatMulNBits: codes [n, groups, group * bits / 8] and zero points [n, ceil(groups * bits / 8)], the first
  /// code in the lowest bits of a byte; the last group of a row is padded to its full length.
  QK_CODES_NBITS,
} qk_code_order;

/// A weight matrix [n, k] of codes.
typedef struct qk_lowbit_weights {
  size_t n, k;
  size_t group;   // 16, 32, 64 or 128
  uint32_t bits;  // 2, 4 or 8
  qk_code_order order;
  const void *codes;
  const float *scales;      // [n, groups]
  const void *zero_points;  // NULL: 2^(bits - 1)
  const float *bias;        // [n], may be NULL
} qk_lowbit_weights;

/// Bytes of the packed form, which depend on the scales: see qk_round_f16. QK_BAD_BITS for a number of bits
/// or a group that is not in the list.
qk_status qk_lowbit_packed_bytes(const qk_lowbit_weights *weights, size_t *bytes);

/// Packs weights for the fastest kernels in `isa`. QK_BAD_SCALE where a scale is not finite, QK_BAD_BITS
/// where a code or zero point does not fit in `bits`.
qk_status qk_lowbit_pack(uint32_t isa, const qk_lowbit_weights *weights, void *packed);

/// Bytes of scratch memory one product needs, whatever its rows. Distinct calls may share the packed weights
/// but not the scratch memory.
size_t qk_lowbit_scratch_bytes(const void *packed);

/// y[m, n] from f32 rows x[m, k]. Strides are in elements; m may be 0.
qk_status qk_lowbit_f32(const void *packed, size_t m, const float *x, size_t x_stride, float *y,
                        size_t y_stride, void *scratch);

/// y[m, n] from s8 rows x[m, k] of scales [m] and zero points [m] (NULL for zeros). QK_BAD_SCALE where a
/// scale is not positive and finite.
qk_status qk_lowbit_s8(const void *packed, size_t m, const int8_t *x, size_t x_stride, const float *scales,
                       const int8_t *zero_points, float *y, size_t y_stride, void *scratch);

/// y[m, n] from s8 rows x[m, k] of scales [m, groups], zero points 0.
qk_status qk_lowbit_s8_grouped(const void *packed, size_t m, const int8_t *x, size_t x_stride,
                               const float *scales, float *y, size_t y_stride, void *scratch);

/// y[i] = the fp16 number nearest to x[i], ties to even, +-65504 beyond; NaN stays. `y` may be `x`.
void qk_round_f16(size_t n, const float *x, float *y);
