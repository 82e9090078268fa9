#pragma once
// Integer kernels, and the arithmetic they share. This file is the contract: every instruction set gives
// exactly these bits, the portable C is its plain reading, and the tests hold all of them to it.
//
// Numbers. An activation is a u8 `x` with a zero point `zx`, standing for (x - zx) * scale. A weight is an
// s8, symmetric, with one scale per output channel. An s8 activation is a u8 one with every byte and the zero
// point xor 0x80 (qk_flip_sign). A multiplier is the fp32 product of scales, sx * sw / sy, one per output
// channel.
//
// Accumulate.   acc = sum over k of (x[k] - zx) * w[k] + bias, exact in int32.
//   With at most QK_MAX_DEPTH terms the sum stays within 65,536 * 255 * 128 = 2^31 - 2^23, so that a bias
//   below 2^23 in magnitude cannot overflow at any depth. A bias that does overflow wraps modulo 2^32 on
//   every path. Kernels compute sum x * w + bias' with bias' = bias - zx * sum w, folded in when weights are
//   packed.
// Requantize.   y = clamp(rne(f32(acc) * m) + zy, lo, hi)
//   f32() converts with one rounding, the product is rounded once (never contracted into a fused
//   multiply-add), rne rounds half to even. Saturation is decided on the product, before it is rounded:
//     t = f32(acc) * m;  t = t > lo - zy ? t : lo - zy;  t = t < hi - zy ? t : hi - zy;  y = int(rne(t)) + zy
//   which equals the line above for every number, sends +inf to hi, and -inf and NaN to lo.
//   An s8 output (QK_OUTPUT_S8) is the same line with zy, lo and hi read as s8: the u8 output of zero point
//   and bounds xor 0x80, with every byte xor 0x80.
// Dequantize.   y = f32(acc) * m, or f32(x - zx) * s: one rounding for each operation.
// Quantize.     y = clamp(rne(x / s) + z, lo, hi), a true division, saturated as above: ONNX QuantizeLinear.
// Rounding.     To nearest, ties to even, with subnormals kept: the default floating-point environment.
//
// Images are NHWC, weights come OIHW as in ONNX and are packed once. Nothing here allocates or keeps state:
// the caller gives packed weights and scratch memory, 64-byte aligned, of the size the `_bytes` functions
// tell. Leading `isa` arguments are the instruction sets to choose from, normally qk_isa_active(). No kernel
// reads or writes outside the arrays it is given. Outputs must not overlap inputs unless a comment says so.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Most terms in one accumulated sum: k of a matrix product, kernel_h * kernel_w * channels / groups of a
/// convolution.
#define QK_MAX_DEPTH 65536
/// Alignment in bytes of packed weights and scratch memory.
#define QK_ALIGNMENT 64

typedef enum qk_status : int32_t {
  QK_OK = 0,
  QK_BAD_SIZE,       // a size is zero, negative or does not fit with the others
  QK_TOO_DEEP,       // more than QK_MAX_DEPTH terms in one sum
  QK_BAD_SCALE,      // a scale or multiplier is not a positive finite number
  QK_BAD_RANGE,      // lo > hi
  QK_BAD_ALIGNMENT,  // packed weights or scratch memory not on QK_ALIGNMENT bytes
  QK_BAD_PACKING,    // packed for activations of another type
  QK_BAD_BITS,       // no kernel for that many bits or groups of that length, or a code that does not fit
  QK_NOT_FINITE,     // a number that must be finite is NaN or infinite
} qk_status;

/// One clause in words for a status, "" for QK_OK.
const char *qk_status_message(qk_status status);

/// What becomes of an accumulator.
typedef enum qk_output_kind : uint32_t {
  QK_OUTPUT_U8,   // requantized with the multiplier of its channel
  QK_OUTPUT_S32,  // stored as it is
  QK_OUTPUT_F32,  // dequantized with the multiplier of its channel
  QK_OUTPUT_S8,   // requantized with the multiplier of its channel
} qk_output_kind;

/// Output stage of a product or convolution. The last three fields matter to QK_OUTPUT_U8 and QK_OUTPUT_S8
/// only. For the latter they hold the two's complement bytes of s8 numbers (lo = 0x80, hi = 0x7f for the
/// whole range), and lo <= hi is asked of those numbers. relu is lo = zero_point, relu6 also hi = the
/// quantized 6.
typedef struct qk_output {
  qk_output_kind kind;
  uint8_t zero_point;
  uint8_t lo;
  uint8_t hi;
} qk_output;

// ---- matrix product
// -------------------------------------------------------------------------------------------

/// Bytes of the packed form of a weight matrix [n, k].
qk_status qk_gemm_u8s8_packed_bytes(uint32_t isa, size_t n, size_t k, size_t *bytes);

/// Packs weights [n, k] for the fastest kernel in `isa`. `bias` [n] may be NULL for zeros, `multiplier` [n]
/// may be NULL for ones; `zero_point` is that of the activations to come.
qk_status qk_gemm_u8s8_pack(uint32_t isa, size_t n, size_t k, const int8_t *weights, const int32_t *bias,
                            const float *multiplier, uint8_t zero_point, void *packed);

/// y[m, n] = output stage of a[m, k] times the transpose of the packed weights[n, k]. `a_stride` is the
/// distance of two rows of `a` in bytes, `y_stride` that of two rows of `y` in elements. m may be 0.
qk_status qk_gemm_u8s8(const void *packed, size_t m, const uint8_t *a, size_t a_stride,
                       const qk_output *output, void *y, size_t y_stride);

/// The same for s8 activations; the packed form takes as many bytes as that for u8 ones. QK_BAD_PACKING where
/// the weights were packed for the other type.
qk_status qk_gemm_s8s8_pack(uint32_t isa, size_t n, size_t k, const int8_t *weights, const int32_t *bias,
                            const float *multiplier, int8_t zero_point, void *packed);
qk_status qk_gemm_s8s8(const void *packed, size_t m, const int8_t *a, size_t a_stride,
                       const qk_output *output, void *y, size_t y_stride);

/// Only `count` columns from column `first` on; `y` is where the first of them goes. Both ends are multiples
/// of qk_gemm_column_step, or the end is that of the matrix; QK_BAD_SIZE otherwise. Threads may share one
/// product by columns so, which suits few rows, or by rows with qk_gemm_u8s8 itself.
qk_status qk_gemm_u8s8_columns(const void *packed, size_t first, size_t count, size_t m, const uint8_t *a,
                               size_t a_stride, const qk_output *output, void *y, size_t y_stride);
qk_status qk_gemm_s8s8_columns(const void *packed, size_t first, size_t count, size_t m, const int8_t *a,
                               size_t a_stride, const qk_output *output, void *y, size_t y_stride);
size_t qk_gemm_column_step(const void *packed);

/// Packs a second operand that comes at run time, to be multiplied with qk_gemm_u8s8 as weights are: u8 of
/// zero point 128, given as b [n, k] or, if `rows_of_k`, as b [k, n], its rows `b_stride` bytes apart.
/// `multiplier` is that of all columns, `zero_point` that of `a`; there is no bias. The packed form takes
/// qk_gemm_u8s8_packed_bytes.
qk_status qk_gemm_u8s8_pack_operand(uint32_t isa, size_t n, size_t k, const uint8_t *b, size_t b_stride,
                                    bool rows_of_k, float multiplier, uint8_t zero_point, void *packed);

// ---- convolution
// ----------------------------------------------------------------------------------------------

/// A two-dimensional convolution over images of one size. Padding stands for the real number 0 (the zero
/// point).
typedef struct qk_conv2d_shape {
  size_t height, width, channels;
  size_t out_channels, groups;
  size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  size_t pad_top, pad_left, pad_bottom, pad_right;
} qk_conv2d_shape;

/// Height and width of the output: (in + pads - dilation * (kernel - 1) - 1) / stride + 1.
qk_status qk_conv2d_output_size(const qk_conv2d_shape *shape, size_t *height, size_t *width);

qk_status qk_conv2d_u8s8_packed_bytes(uint32_t isa, const qk_conv2d_shape *shape, size_t *bytes);

/// Packs weights [out_channels, channels / groups, kernel_h, kernel_w]; other arguments as for
/// qk_gemm_u8s8_pack.
qk_status qk_conv2d_u8s8_pack(uint32_t isa, const qk_conv2d_shape *shape, const int8_t *weights,
                              const int32_t *bias, const float *multiplier, uint8_t zero_point, void *packed);

/// Bytes of scratch memory one call of qk_conv2d_u8s8 needs, whatever its batch; may be 0.
size_t qk_conv2d_u8s8_scratch_bytes(const void *packed);

/// x [batch, height, width, channels] to y [batch, out height, out width, out_channels]. Distinct calls may
/// share the packed weights but not the scratch memory.
qk_status qk_conv2d_u8s8(const void *packed, size_t batch, const uint8_t *x, const qk_output *output, void *y,
                         void *scratch);

/// Only `row_count` rows of the output from `first_row` on, of all batch * out height rows counted through;
/// the others are left alone. Threads may share one convolution: same packed weights, x and y, rows that do
/// not overlap, scratch memory of their own. QK_BAD_SIZE for rows past the last one.
qk_status qk_conv2d_u8s8_rows(const void *packed, size_t batch, const uint8_t *x, const qk_output *output,
                              void *y, size_t first_row, size_t row_count, void *scratch);

// ---- pooling
// --------------------------------------------------------------------------------------------------

/// Windows over images [height, width, channels]. The output size is the caller's, so that either way of
/// rounding it works; every window must hold at least one pixel of the image.
typedef struct qk_pool2d_shape {
  size_t height, width, channels, out_height, out_width;
  size_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
  size_t pad_top, pad_left, pad_bottom, pad_right;
} qk_pool2d_shape;

/// Largest byte of each window; padding does not count. Scale and zero point stay as they are.
qk_status qk_max_pool2d_u8(uint32_t isa, const qk_pool2d_shape *shape, size_t batch, const uint8_t *x,
                           uint8_t *y);

/// multiplier = sx / sy. The window's sum is requantized with the fp32 quotient multiplier / count, where
/// count is the number of pixels of the image in the window, or of the padded image if `count_include_pad`.
typedef struct qk_average_pool2d_params {
  float multiplier;
  uint8_t x_zero_point, zero_point, lo, hi;
  bool count_include_pad;
} qk_average_pool2d_params;

/// y = clamp(rne(f32(sum of (x - zx)) * (multiplier / count)) + zy, lo, hi).
qk_status qk_average_pool2d_u8(uint32_t isa, const qk_pool2d_shape *shape,
                               const qk_average_pool2d_params *params, size_t batch, const uint8_t *x,
                               uint8_t *y);

/// The same over whole images: x [batch, pixels, channels] to y [batch, channels].
qk_status qk_global_average_pool_u8(uint32_t isa, size_t batch, size_t pixels, size_t channels,
                                    const qk_average_pool2d_params *params, const uint8_t *x, uint8_t *y);

// ---- between f32 and bytes
// ------------------------------------------------------------------------------------

/// How scales lie over a tensor seen as [outer, channels, inner]: one scale (and zero point) for each
/// channel. Per tensor: {1, 1, n}. Weights [o, i, h, w] per output channel: {1, o, i * h * w}.
typedef struct qk_scale_layout {
  size_t outer, channels, inner;
} qk_scale_layout;

/// y = clamp(rne(x / scale) + zero_point, 0, 255). `zero_point` [channels] may be NULL for zeros.
qk_status qk_quantize_u8(uint32_t isa, qk_scale_layout layout, const float *x, const float *scale,
                         const uint8_t *zero_point, uint8_t *y);

/// y = clamp(rne(x / scale) + zero_point, lo, 127), lo = -128, or -127 for weights that keep a symmetric
/// range.
qk_status qk_quantize_s8(uint32_t isa, qk_scale_layout layout, const float *x, const float *scale,
                         const int8_t *zero_point, int8_t lo, int8_t *y);

/// y = f32(x - zero_point) * scale. `zero_point` [channels] may be NULL for zeros.
qk_status qk_dequantize_u8(uint32_t isa, qk_scale_layout layout, const uint8_t *x, const float *scale,
                           const uint8_t *zero_point, float *y);
qk_status qk_dequantize_s8(uint32_t isa, qk_scale_layout layout, const int8_t *x, const float *scale,
                           const int8_t *zero_point, float *y);

/// Extremes of the finite numbers of an array (+inf and -inf, crossed, where there are none; never -0), and
/// how many were not finite.
typedef struct qk_minmax {
  float min, max;
  size_t nan_count, inf_count;
} qk_minmax;

qk_minmax qk_minmax_f32(uint32_t isa, size_t n, const float *x);

/// Most bins of a histogram.
#define QK_MAX_BINS (1 << 20)

/// Numbers a histogram has no bin for. The finite ones are in `below` and `above`.
typedef struct qk_histogram_outside {
  size_t below, above, nan_count, inf_count;
} qk_histogram_outside;

/// Adds the numbers of an array to `counts` [bins] and `outside`. A number in lo...hi falls into bin
/// min(floor((x - lo) * m), bins - 1) with m = f32(bins) / (hi - lo), every operation rounded once to fp32:
/// bins of one width, closed on the left, the last one closed on both sides. QK_BAD_SIZE: bins is not in
/// 1...QK_MAX_BINS. QK_BAD_RANGE: hi - lo is not positive, or it or m is not finite.
qk_status qk_histogram_f32(uint32_t isa, size_t n, const float *x, float lo, float hi, size_t bins,
                           uint64_t *counts, qk_histogram_outside *outside);
