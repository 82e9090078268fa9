#pragma once
// Depthwise convolution for instructions that multiply four bytes at once. A quad is four bytes of one
// channel in one column, from four image rows (a row group). For each strip of two output rows, the image
// rows under it are interleaved to quads in scratch memory, padding included, so that the image is not copied
// first. Then each output is a sum, over the columns of its window and the row groups, of a quad times four
// weights. With stride 1 both rows read the same quads: for the second one, the weights of a column start one
// row further down (0, w0, w1, w2).
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "../cpu/store.h"

enum {
  QK_QUAD = 4,          // rows in a row group
  QK_QUAD_LANES = 16,   // channels of a packed block
  QK_QUADS_SLACK = 64,  // bytes after the quads that kernels may read
};

/// What the kernel sums: one strip of output rows, for one block of channels.
typedef struct qk_quads_strip {
  size_t rows, channels;        // of the output
  size_t kernel_w, row_groups;  // steps of a sum: for each column of the window, its row groups
  size_t packed_rows;           // output rows with weights of their own, 1 or 2
  size_t repeats;               // pixels whose channels fill one packed block: a unit
  size_t units, last_pixels;    // units in a row, pixels in the last one
  size_t pixel_step, column_step, row_group_step, row_step;  // in quads; row_step is 0 where rows share them
  const uint32_t *quads;
  const void *packed;
  const qk_output *output;
  void *y;
  size_t y_pixel_step, y_row_step;  // in elements
} qk_quads_strip;

/// Interleaves `runs` runs of `run_bytes`, `run_step` bytes apart in each of four rows, to quads without
/// gaps.
typedef void (*qk_interleave_quads_fn)(const uint8_t *const rows[QK_QUAD], size_t runs, size_t run_bytes,
                                       size_t run_step, uint32_t *quads);

typedef struct qk_quads_kernel {
  uint32_t isa;
  uint8_t flip;  // 0x80 where interleaving turns bytes to s8 for the multiplying kernel, or 0
  qk_interleave_quads_fn interleave;
  void (*multiply)(const qk_quads_strip *strip);
} qk_quads_kernel;

/// The way a depthwise convolution goes through quads.
typedef struct qk_quads_plan {
  const qk_quads_kernel *kernel;  // NULL where the instruction sets have none
  bool shares;                    // the two output rows of a strip share quads
  size_t row_groups;              // under a strip
  size_t columns;                 // of the padded image
  size_t block;                   // channels whose quads are in scratch memory at once
  size_t repeats, units;          // as in a strip
  uint8_t zero_point;
} qk_quads_plan;

qk_quads_plan qk_quads_plan_for(uint32_t isa, const qk_conv2d_shape *shape, size_t out_width);
size_t qk_quads_packed_bytes(const qk_quads_plan *plan, const qk_conv2d_shape *shape);
size_t qk_quads_scratch_bytes(const qk_quads_plan *plan, const qk_conv2d_shape *shape);

/// Packs weights [channels, kernel_h, kernel_w].
void qk_quads_pack(qk_quads_plan *plan, const qk_conv2d_shape *shape, const int8_t *weights,
                   const int32_t *bias, const float *multiplier, uint8_t zero_point, void *packed);

/// Rows of the output of images that follow one another.
typedef struct qk_quads_work {
  const qk_quads_plan *plan;
  const qk_conv2d_shape *shape;
  size_t out_height, out_width;
  const void *packed;
  size_t images, first_row, end_row;
  const uint8_t *x;  // [images, height, width, channels]
  const qk_output *output;
  void *y;  // [images, out_height, out_width, channels]
  void *scratch;
} qk_quads_work;

void qk_quads_run(const qk_quads_work *work);

/// Bytes of one packed block: bias' [lanes], multiplier [lanes], weights [steps][rows][lanes][quad].
static inline size_t qk_quads_block_bytes(size_t steps, size_t rows) {
  return QK_QUAD_LANES * (sizeof(int32_t) + sizeof(float) + steps * rows * QK_QUAD);
}
