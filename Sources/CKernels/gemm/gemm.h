#pragma once
// Inside of the matrix product, shared with convolution: both multiply rows of bytes, given by pointers, with
// packed weights. A row is read in runs: `run_length` bytes at each of `runs` offsets from the row's pointer.
// A matrix has one run of k bytes at offset 0; a convolution has one for each stretch of its window that lies
// together in memory.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "../cpu/store.h"

/// One register tile of work: `row_count` rows times one panel of packed weights.
typedef struct qk_gemm_tile {
  size_t row_count;            // 1...MR
  size_t columns;              // columns to write, 1...width
  size_t width;                // columns of the panel: NR, or the narrow width
  const uint8_t *const *rows;  // row_count pointers
  const int32_t *run_offsets;  // from a row's pointer, in bytes
  size_t runs;
  size_t run_steps;  // steps of KR bytes in each run
  size_t last_step;  // bytes that may be read in the very last step, 1...KR
  uint8_t flip;      // xor'ed with every byte of the rows, 0 or 0x80: to u8, or to s8 if kernel->flip is 0x80
  const int32_t *bias;      // [width]
  const float *multiplier;  // [width]
  const int8_t *weights;    // [runs * run_steps][width][KR]
  const qk_output *output;
  void *y;          // first element to write
  size_t y_stride;  // in elements
} qk_gemm_tile;

typedef struct qk_gemm_kernel {
  uint32_t isa;
  uint16_t rows;     // MR
  uint16_t columns;  // NR
  uint16_t narrow;   // width of the last panel where that is enough
  uint16_t depth;    // KR
  uint8_t flip;      // 0x80 for kernels that read activations as s8, every byte xor 0x80; 0 for others
  void (*run)(const qk_gemm_tile *tile);
} qk_gemm_kernel;

/// Fastest kernel of the list that `isa` can run.
const qk_gemm_kernel *qk_gemm_kernel_for(uint32_t isa);

/// Fastest kernel for a matrix of `n` columns: there are some for few.
const qk_gemm_kernel *qk_gemm_kernel_for_size(uint32_t isa, size_t n, size_t run_length);

/// One packed matrix [n, runs * run_length]; its panels follow one another from `panels`.
typedef struct qk_gemm_weights {
  const qk_gemm_kernel *kernel;
  size_t n, runs, run_length;
  bool signed_rows;  // rows are s8; the zero point is packed as that of a u8 row
} qk_gemm_weights;

/// Columns of the panel that starts at `column`.
size_t qk_gemm_panel_width(const qk_gemm_weights *weights, size_t column);

/// Bytes of a panel of that width, a multiple of QK_ALIGNMENT: bias' [width], multiplier [width], then the
/// weights, KR bytes of one column side by side, in the order the tile kernel reads them.
size_t qk_gemm_panel_bytes(const qk_gemm_weights *weights, size_t width);

/// Bytes of all panels, a multiple of QK_ALIGNMENT.
size_t qk_gemm_panels_bytes(const qk_gemm_weights *weights);

/// Writes the panels. `weight(context, column, run, i)` is the weight of byte i of that run.
typedef int8_t (*qk_weight_reader)(const void *context, size_t column, size_t run, size_t i);
void qk_gemm_pack_panels(const qk_gemm_weights *weights, qk_weight_reader weight, const void *context,
                         const int32_t *bias, const float *multiplier, uint8_t zero_point, void *panels);

/// Packed form of one matrix; the panels follow.
typedef struct qk_gemm_packed {
  _Alignas(QK_ALIGNMENT) qk_gemm_weights weights;
} qk_gemm_packed;

/// Checks the sizes of a matrix of one run and fills in its header.
qk_status qk_gemm_describe(uint32_t isa, size_t n, size_t k, qk_gemm_weights *weights);

/// Rows handled by one call of qk_gemm_rows: enough for a panel to be read from L1 while it is used again.
enum { QK_GEMM_BLOCK = 112 };

/// y[row][0..<n] for up to QK_GEMM_BLOCK rows. `readable_tail` says that rows may be read up to KR - 1 bytes
/// past the end of their last run.
void qk_gemm_rows(const qk_gemm_weights *weights, const void *panels, size_t row_count,
                  const uint8_t *const *rows, const int32_t *run_offsets, bool readable_tail,
                  const qk_output *output, void *y, size_t y_stride);
