#pragma once
// Inside of the convolution. It has two ways:
// - direct: the matrix kernels read each window in place, as runs of bytes that lie together (gemm/gemm.h);
// - depthwise: one filter for each channel, a row of output pixels at a time (depthwise/depthwise.h).
// Where windows leave the image (or runs are no whole number of steps) it is first copied into scratch memory
// between margins of zero points, so that all windows look alike. The image is never unfolded.
#include "../depthwise/depthwise.h"
#include "../gemm/gemm.h"

/// Packed form of one convolution: this header, run offsets (direct), then for each group its panels, or the
/// depthwise blocks.
typedef struct qk_conv2d_packed {
  _Alignas(QK_ALIGNMENT) qk_conv2d_shape shape;
  size_t out_height, out_width;
  uint8_t zero_point;
  const qk_depthwise_kernel *depthwise;  // NULL: direct
  qk_gemm_weights weights;               // of one group
  size_t repeats;                        // depthwise: pixels of a row handled as if they were one
  bool copies;                           // the image is copied with its padding
  size_t copied_height, copied_width;    // of that copy, or of the image
  size_t panels_bytes;                   // of one group, or of all depthwise blocks
  size_t panels_offset;                  // from the header
} qk_conv2d_packed;

/// Fills in the header. Pure: the same shape and instruction sets always give the same plan.
qk_status qk_conv2d_plan(uint32_t isa, const qk_conv2d_shape *shape, qk_conv2d_packed *plan);

static inline const void *qk_conv2d_panels(const qk_conv2d_packed *packed) {
  return (const char *)packed + packed->panels_offset;
}

static inline const int32_t *qk_conv2d_run_offsets(const qk_conv2d_packed *packed) {
  return (const int32_t *)(packed + 1);
}

/// Both ways, over `batch` images that need no padding.
void qk_conv2d_direct(const qk_conv2d_packed *packed, size_t batch, const uint8_t *x, const qk_output *output,
                      void *y);
void qk_conv2d_depthwise(const qk_conv2d_packed *packed, size_t batch, const uint8_t *x,
                         const qk_output *output, void *y, const uint8_t **taps);
