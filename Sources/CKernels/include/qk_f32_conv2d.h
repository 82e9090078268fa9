#pragma once

/// fp32 convolutions of channels-last images with multiples of sixteen channels, for training on AVX-512,
/// where they are ahead of the system's oneDNN. Nothing is allocated; a caller with more threads splits the
/// images. The bits of a result do not depend on how they are split, those of a gradient on the parts alone.

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// x is [batch, height, width, channels], y [batch, out_height, out_width, out_channels]; weights are
/// contiguous [out_channels, channels, kernel_height, kernel_width].
typedef struct {
  size_t batch, channels, height, width, out_channels, out_height, out_width;
  size_t kernel_height, kernel_width, stride, pad_top, pad_left;
} qk_f32_conv2d;

/// Whether the kernels are in use on this machine, and made for these sizes: channels in sixteens, rows of
/// results in eights, a kernel larger than one pixel, a stride of 1 or 2.
bool qk_f32_conv2d_fits(const qk_f32_conv2d *conv);

/// Floats of scratch memory that each of the functions below needs, 64-byte aligned, for each thread.
size_t qk_f32_conv2d_scratch(const qk_f32_conv2d *conv);

/// Floats of packed weights, or of the sums of a gradient: as many as there are weights.
size_t qk_f32_conv2d_weights(const qk_f32_conv2d *conv);

/// Weights in the order in which the kernel reads them, 64-byte aligned.
void qk_f32_conv2d_pack(const qk_f32_conv2d *conv, const float *weights, float *packed);

/// y = x * weights for the images from `first` up to `last`.
void qk_f32_conv2d_forward(const qk_f32_conv2d *conv, size_t first, size_t last, const float *x,
                           const float *packed, float *scratch, float *y);

/// The part that the images from `first` up to `last` have in the weights' gradient, into `sums`.
void qk_f32_conv2d_backward_weights(const qk_f32_conv2d *conv, size_t first, size_t last, const float *x,
                                    const float *dy, float *scratch, float *sums);

/// The gradient of the weights, from the sums of all parts one after the other, which are overwritten.
void qk_f32_conv2d_gather(const qk_f32_conv2d *conv, size_t parts, float *sums, float *dw);

#ifdef __cplusplus
}
#endif
