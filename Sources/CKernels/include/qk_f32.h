#pragma once

/// fp32 loops over plain memory: elementwise arithmetic, reductions, normalisation, pooling, optimizer steps.
///
/// Every function is listed once, with its shapes, in f32/functions.inc; this header declares them under
/// `qk_f32_`.
/// - Nothing is allocated and nothing can fail. Sizes may be 0. Pointers need no alignment beyond their
/// type's.
/// - An output may be exactly one of the inputs of the same size (in place); otherwise nothing may overlap.
/// - Functions run on the calling thread; a caller with more threads splits rows or ranges of elements.
/// - All instruction sets give identical bits (a NaN's payload aside): one source is compiled for each,
///   without fused multiply-add, and every reduction adds in the same order: sixteen interleaved partial
///   sums, folded in halves.
/// - NaN and infinity behave as IEEE says, and as in PyTorch: max, min, relu and clip pass a NaN on.
/// - exp, log, tanh, erf and what is made of them are within 2.5 units in the last place of the true value,
///   denormals included (the test measures it); gelu's error is relative to the larger of |x| and the result.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The geometry of a pooling window over channels-last images: x is [batch, height, width, channels], y
/// [batch, out_height, out_width, channels]. Window (i, j) begins at pixel (i stride_height - pad_top, j
/// stride_width - pad_left); what lies outside the image is padding. A window may lie outside wholly (ceil
/// mode).
typedef struct {
  size_t batch, channels, height, width, out_height, out_width;
  size_t kernel_height, kernel_width, stride_height, stride_width, dilation_height, dilation_width;
  size_t pad_top, pad_left;
  size_t pad_bottom, pad_right;  ///< only for average pooling that counts padding: how far it reaches
  bool count_padding;            ///< average pooling: whether padded zeros count in the divisor
} qk_f32_window;

/// Resizing channels-last images [batch, height, width, channels] to [batch, out_height, out_width,
/// channels]: row i of the result is `1 - down[i]` of row top[i] and `down[i]` of row bottom[i]; columns
/// likewise. With `nearest` it is top[i] and left[j] alone.
typedef struct {
  size_t batch, channels, height, width, out_height, out_width;
  const int32_t *top, *bottom;  ///< [out_height]
  const int32_t *left, *right;  ///< [out_width]
  const float *down, *across;   ///< [out_height], [out_width]
  bool nearest;
} qk_f32_resize_shape;

/// Plain, momentum and Nesterov gradient descent; every number means what it means in PyTorch.
typedef struct {
  double learning_rate, momentum, dampening, weight_decay;
  bool nesterov;
  bool first_step;  ///< the momentum buffer starts as the gradient itself, undamped
} qk_f32_sgd_options;

/// Adam, and with `decoupled` AdamW, as in PyTorch. `step` counts from 1.
typedef struct {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  bool decoupled;
  int64_t step;
} qk_f32_adam_options;

#define QK_F32(type, name, parameters, arguments) type qk_f32_##name parameters;
#include "../f32/functions.inc"
#undef QK_F32

/// The same functions compiled for one instruction set: what tests compare.
typedef struct {
  const char *isa;
#define QK_F32(type, name, parameters, arguments) type(*name) parameters;
#include "../f32/functions.inc"
#undef QK_F32
} qk_f32_path;

/// The paths that this machine can run, the portable one first. Returns how many there are.
size_t qk_f32_paths(const qk_f32_path **paths);

#ifdef __cplusplus
}
#endif
