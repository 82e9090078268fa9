#pragma once

/// fp32 convolutions with 3x3 kernels and a stride of 1 by Winograd's minimal filtering F(2x2, 3x3) (Lavin
/// and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016): four multiplications for a
/// result where the definition has nine. For training on AVX-512. Nothing is allocated; a caller with more
/// threads splits the images, and the bits of a result do not depend on how. Rounding errors are a few times
/// those of the sum as defined; an infinity or NaN reaches every result of the 2x2 tiles that read it.

#include "qk_f32_conv2d.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Whether the kernels are in use on this machine, and made for these sizes: channels in sixteens, not so
/// many that the weights leave the caches; a kernel of 3x3 and a stride of 1; two results or more each way.
/// How many images there are is no matter, so that the bits of one do not depend on the others.
bool qk_f32_winograd_fits(const qk_f32_conv2d *conv);

/// Floats of scratch memory that `forward` needs, 64-byte aligned, for each thread.
size_t qk_f32_winograd_scratch(const qk_f32_conv2d *conv);

/// Floats of packed weights.
size_t qk_f32_winograd_weights(const qk_f32_conv2d *conv);

/// Weights as the kernel multiplies with them, 64-byte aligned. With `turned` they are the
/// [channels, out_channels, 3, 3] of the convolution whose input gradient this one computes: the kernels are
/// turned by half a circle, inputs and outputs change places.
void qk_f32_winograd_pack(const qk_f32_conv2d *conv, bool turned, const float *weights, float *packed);

/// What is done to the results v on their way out, in this order: v + bias, v scale + shift, v + side, max(0,
/// v). `bias`, `scale` (then `shift` too) and `side` may be NULL; the first three are [out_channels], `side`
/// lies as y.
typedef struct {
  const float *bias, *scale, *shift, *side;
  bool relu;
} qk_f32_winograd_end;

/// y = x * weights, and the end, for the images from `first` up to `last`.
void qk_f32_winograd_forward(const qk_f32_conv2d *conv, size_t first, size_t last, const float *x,
                             const float *packed, const qk_f32_winograd_end *end, float *scratch, float *y);

#ifdef __cplusplus
}
#endif
