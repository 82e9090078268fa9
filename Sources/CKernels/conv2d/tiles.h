#pragma once
// The kernels of the direct way: tiles of output pixels whose windows have the same taps inside the image,
// read where they lie. A tile's pixels are a constant distance apart (along a row, down a column, from image
// to image), so that addresses are computed, not loaded.
#include "../cpu/store.h"

/// Things in a line: how many, and the distance of two in the input (bytes) and output (elements).
typedef struct qk_conv2d_axis {
  size_t count;
  ptrdiff_t x_step, y_step;
} qk_conv2d_axis;

/// One call's work: a grid of tiles times one panel of packed weights. A window is `rows` rows of `segments`
/// runs of `steps` * KR bytes that lie together; all three may be 0, which leaves the bias.
typedef struct qk_conv2d_tiles {
  qk_conv2d_axis pixels;  // of one tile, 1...MR
  qk_conv2d_axis tiles;   // in a line
  qk_conv2d_axis lines;
  const uint8_t *x;  // first byte of the first window
  void *y;           // first element to write
  size_t rows, segments, steps;
  ptrdiff_t row_step, segment_step;  // bytes of the input
  ptrdiff_t weights_row_step;        // bytes of the panel; its segments follow one another
  size_t width, columns;             // of the panel (NR, or the narrow width); of those, columns to write
  const int32_t *bias;               // [width], of these taps
  const float *multiplier;           // [width]
  const int8_t *weights;             // [steps][width][KR] for each run, from the first one's
  const qk_output *output;
  bool narrow;  // no accumulator times its multiplier leaves the range of int32
} qk_conv2d_tiles;

typedef struct qk_conv2d_kernel {
  uint32_t isa;
  uint16_t rows, columns;                // MR x NR
  uint16_t narrow_rows, narrow_columns;  // of the last panel where that is enough
  uint16_t depth;                        // KR
  void (*run)(const qk_conv2d_tiles *tiles);
} qk_conv2d_kernel;

/// Fastest kernel of the list that `isa` can run, or NULL.
const qk_conv2d_kernel *qk_conv2d_kernel_for(uint32_t isa);
