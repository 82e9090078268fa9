#pragma once

/// A thin face over oneDNN's C API, the same for versions 2.6 and 3.x: matrix products and convolutions of
/// fp32 arrays on plain pointers. No set-up is needed.
///
/// Every function returns OD_OK or another `od_status`, and then `od_last_error()` says why. Nothing is
/// written where a shape is refused. Threads may call at once: engine, plans and scratch memory belong to the
/// calling thread. A plan (a created primitive, 160-500 us) is kept per operation, shapes, strides and
/// attributes; looking one up takes well under a microsecond. A call computes on the calling thread alone.
///
/// NaN and infinity behave as IEEE says and denormals are not flushed (oneDNN leaves the thread's mode
/// alone). The same call gives the same bits.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  OD_OK = 0,
  OD_INVALID = 1,        ///< a size, stride or padding makes no sense
  OD_OUT_OF_MEMORY = 2,  ///< scratch memory or a primitive could not be had
  OD_UNSUPPORTED = 3,    ///< this build of oneDNN cannot do it
  OD_FAILED = 4,         ///< oneDNN failed for a reason of its own
} od_status;

/// What went wrong in the calling thread's last failed call, one line.
const char *od_last_error(void);

/// The version of the oneDNN in use, such as "2.6.3".
const char *od_version(void);

/// How the factors of a product or convolution are multiplied. All arrays are fp32, whatever it is: factors
/// are rounded on the way in (to nearest, ties to even), and sums are fp32. Denormal factors may count as 0
/// in bf16.
typedef enum { OD_F32 = 0, OD_BF16 = 1 } od_precision;

/// Whether the processor multiplies bf16 numbers. Where it does not, asking for them is OD_UNSUPPORTED.
bool od_has_bf16(void);

/// How the calling thread's plan cache fared: calls answered from it, plans created, plans it holds now.
typedef struct {
  uint64_t hits, misses, held;
} od_cache_statistics;
od_cache_statistics od_cache(void);

/// Drops the calling thread's plans and scratch memory.
void od_clear_cache(void);

/// C[i] = alpha (A[i] B[i] + bias) (+ C[i] where `accumulate`), for i in 0 ..< batch.
///
/// A[i] is `rows x inner`, B[i] is `inner x columns`, C is dense: `[batch, rows, columns]` row after row. A
/// and B are given by strides in elements and must satisfy `od_matmul_reads`: the transpose of a row-major
/// matrix is `row_stride` 1 and `column_stride` its width, a matrix shared by the batch has `batch_stride` 0.
/// Any size may be 0: with `inner` 0 the product is 0.
typedef struct {
  int64_t batch, rows, inner, columns;
  int64_t a_batch_stride, a_row_stride, a_column_stride;
  int64_t b_batch_stride, b_row_stride, b_column_stride;
  float alpha;
  bool accumulate;
  od_precision precision;
} od_matmul_shape;

/// Whether a batch of `rows x columns` matrices lies so that it can be multiplied without a copy: row-major
/// or column-major with any distance between lines, matrices apart, between each other's lines (heads of
/// attention), or all the same (`batch_stride` 0).
/// The stride along a dimension of one element does not matter.
bool od_matmul_reads(int64_t batch, int64_t rows, int64_t columns, int64_t batch_stride, int64_t row_stride,
                     int64_t column_stride);

/// `bias` is NULL or [columns]. C must not overlap A, B or bias.
od_status od_matmul(const od_matmul_shape *shape, const float *a, const float *b, const float *bias,
                    float *c);

/// Elements that B takes in the layout oneDNN reads fastest in products of exactly this shape; 0 after an
/// error. For a `batch` of 1 without empty dimensions.
int64_t od_matmul_packed_count(const od_matmul_shape *shape);

/// Brings B into that layout, for many products that share it.
od_status od_matmul_pack(const od_matmul_shape *shape, const float *b, float *packed);

/// od_matmul without a bias, with B as `od_matmul_pack` left it for the same shape.
od_status od_matmul_packed(const od_matmul_shape *shape, const float *a, const float *packed, float *c);

/// A two-dimensional convolution (cross-correlation, as in PyTorch and ONNX).
///
/// Activations are channels-last: source `[batch, height, width, channels]`, destination
/// `[batch, out_height, out_width, out_channels]`. Weights are contiguous
/// `[out_channels, channels / groups, kernel_height, kernel_width]`, PyTorch's order, for any `groups`.
/// `dilation` 1 is an ordinary kernel. Paddings may differ and are counted in pixels of zeros.
typedef struct {
  int64_t batch, channels, height, width;
  int64_t out_channels, kernel_height, kernel_width, groups;
  int64_t stride_height, stride_width;
  int64_t dilation_height, dilation_width;
  int64_t pad_top, pad_left, pad_bottom, pad_right;
  od_precision precision;  ///< without kernels for these channels in bf16, fp32 all the same
} od_conv2d_shape;

/// `(height + pad_top + pad_bottom - dilation (kernel - 1) - 1) / stride + 1`, or 0 where the kernel does not
/// fit or a number makes no sense.
int64_t od_conv2d_out_height(const od_conv2d_shape *shape);
int64_t od_conv2d_out_width(const od_conv2d_shape *shape);

/// dst = src * weights + bias; `bias` is NULL or [out_channels]. Relu is not offered as oneDNN's
/// post-operation: that makes 0 of NaN, which would hide where a network broke.
od_status od_conv2d_forward(const od_conv2d_shape *shape, const float *src, const float *weights,
                            const float *bias, float *dst);

/// The gradient of `src`, overwritten.
od_status od_conv2d_backward_data(const od_conv2d_shape *shape, const float *diff_dst, const float *weights,
                                  float *diff_src);

/// The gradients of `weights` and, unless `diff_bias` is NULL, of the bias; both overwritten.
od_status od_conv2d_backward_weights(const od_conv2d_shape *shape, const float *src, const float *diff_dst,
                                     float *diff_weights, float *diff_bias);

#ifdef __cplusplus
}
#endif
