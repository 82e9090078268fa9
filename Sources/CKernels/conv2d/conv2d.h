#pragma once
// Inside of the convolution. It has three ways:
// - direct: tiles of pixels whose windows hold the same taps, read in place (tiles.h). Taps outside the image
//   are left out, with a bias of their own, so that no padding is copied or multiplied;
// - windows: for instruction sets without such tiles. The matrix kernels read each window as runs of bytes
//   that lie together (gemm/gemm.h);
// - depthwise: one filter for each channel, from interleaved image rows (depthwise/quads.h) or a row of
// output
//   pixels at a time (depthwise/depthwise.h).
// Where that is not possible (plan.c tells), an image is first copied into scratch memory between margins of
// zero points. The image is never unfolded.
#include "../depthwise/depthwise.h"
#include "../depthwise/quads.h"
#include "../gemm/gemm.h"
#include "spans.h"
#include "tiles.h"

/// Packed form of one convolution: this header, tables of the way taken (spans, or run offsets), then for
/// each group its panels, or the depthwise blocks.
typedef struct qk_conv2d_packed {
  _Alignas(QK_ALIGNMENT) qk_conv2d_shape shape;
  size_t out_height, out_width;
  uint8_t zero_point;
  const qk_depthwise_kernel *depthwise;  // NULL: another way
  qk_quads_plan quads;                   // of a depthwise one; without kernel: `depthwise` goes by pixels
  const qk_conv2d_kernel *direct;        // NULL: another way
  size_t row_spans, column_spans;        // direct: how many, see qk_conv2d_spans
  size_t tap_steps, row_steps;           // direct: steps of KR bytes of a tap (if runs are whole), of a row
  bool narrow;                           // direct: see qk_conv2d_tiles
  bool row_is_one_run;                   // the taps of a kernel row lie together
  qk_gemm_weights weights;               // windows: of one group
  size_t repeats;                        // depthwise: pixels of a row handled as if they were one
  bool copies;                           // an image is copied with (some of) its padding
  size_t copied_top, copied_left;        // rows before and pixels beside the image in that copy
  size_t copied_height, copied_width;    // of that copy, or of the image
  size_t panels_bytes;                   // of one group, or of all depthwise blocks
  size_t panels_offset;                  // from the header
} qk_conv2d_packed;

/// Fills in the header. Pure: the same shape and instruction sets always give the same plan.
qk_status qk_conv2d_plan(uint32_t isa, const qk_conv2d_shape *shape, qk_conv2d_packed *plan);

static inline const void *qk_conv2d_panels(const qk_conv2d_packed *packed) {
  return (const char *)packed + packed->panels_offset;
}

/// windows: [runs], from a window's first byte.
static inline int32_t *qk_conv2d_run_offsets(const qk_conv2d_packed *packed) {
  return (int32_t *)(packed + 1);
}

/// direct: the spans of rows, then those of columns.
static inline qk_conv2d_span *qk_conv2d_spans(const qk_conv2d_packed *packed) {
  return (qk_conv2d_span *)(packed + 1);
}

/// direct: most spans along a side; where there are more, the padding is copied.
enum { QK_CONV2D_SPANS = 32 };

/// direct: the sides of the image or of its copy.
qk_conv2d_side qk_conv2d_row_side(const qk_conv2d_packed *plan);
qk_conv2d_side qk_conv2d_column_side(const qk_conv2d_packed *plan);

/// direct: columns and bytes of the panel that starts at column `first` of a group.
size_t qk_conv2d_panel_width(const qk_conv2d_packed *packed, size_t first);
size_t qk_conv2d_panel_bytes(const qk_conv2d_packed *packed, size_t width);

/// Weights [out_channels, channels / groups, kernel_h, kernel_w] and what goes with them.
typedef struct qk_conv2d_filters {
  const int8_t *weights;
  const int32_t *bias;      // or NULL
  const float *multiplier;  // or NULL
} qk_conv2d_filters;

void qk_conv2d_pack_direct(qk_conv2d_packed *packed, const qk_conv2d_filters *filters);
void qk_conv2d_pack_windows(qk_conv2d_packed *packed, const qk_conv2d_filters *filters);

/// Rows of pixels of the output, of images that follow one another.
typedef struct qk_conv2d_rows {
  size_t images;
  size_t first, end;  // of each image
  const uint8_t *x;   // the first image, or its copy
  void *y;            // the first output image
  const qk_output *output;
} qk_conv2d_rows;

void qk_conv2d_direct(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows);
void qk_conv2d_windows(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows);
void qk_conv2d_quads(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, void *scratch);
void qk_conv2d_depthwise(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, const uint8_t **taps);
