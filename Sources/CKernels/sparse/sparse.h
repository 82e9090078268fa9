#pragma once
// Inside of the sparse products. Weights lie in panels of 16 or 32 columns, one after another: bias [width]
// s32, multiplier [width] f32, the positions of its steps, u16, rounded up to 64 bytes, then the steps.
//   Blocks: a step is a block, 4 bytes of k for each column, at k = 4 * position.
//   Scattered: a step is 64 indices, then 64 weights: 4 for each of 16 columns, of the k from 64 * position
//   on.
//     A column with fewer in that window has index 0 and weight 0.
// A last step of either kind that would read past k comes after all others.
#include <string.h>

#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "../cpu/store.h"
#include "qk_sparse.h"

enum { QK_SPARSE_DEPTH = 4, QK_SPARSE_WINDOW = 64, QK_SPARSE_LANES = 16 };

/// One register tile of work: up to MR rows times one panel.
typedef struct qk_sparse_tile {
  size_t row_count;
  size_t width;    // columns of the panel, 16 or 32
  size_t columns;  // to write, 1...width
  const uint8_t *a;
  size_t a_stride;
  size_t step_count;  // that read whole blocks or windows
  size_t tail_count;  // after them, that may only read `tail` bytes
  size_t tail;
  const uint16_t *positions;
  const uint8_t *steps;
  const int32_t *bias;
  const float *multiplier;
  const qk_output *output;
  void *y;
  size_t y_stride;
} qk_sparse_tile;

typedef struct qk_sparse_kernel {
  uint32_t isa;
  uint16_t rows;  // MR
  void (*run)(const qk_sparse_tile *tile);
} qk_sparse_kernel;

/// What precedes a panel's numbers.
typedef struct qk_sparse_panel {
  _Alignas(QK_ALIGNMENT) uint32_t step_count;
  uint32_t tail_count;
  size_t bytes;  // to the next panel
} qk_sparse_panel;

/// A packed matrix; the panels follow.
typedef struct qk_sparse_matrix {
  _Alignas(QK_ALIGNMENT) const qk_sparse_kernel *kernel;
  qk_sparse_kind kind;
  size_t n, k;
} qk_sparse_matrix;

static inline size_t qk_sparse_width(qk_sparse_kind kind) { return kind == QK_SPARSE_BLOCKS_32 ? 32 : 16; }

/// k a step of that kind reads.
static inline size_t qk_sparse_reach(qk_sparse_kind kind) {
  return kind == QK_SPARSE_SCATTERED ? QK_SPARSE_WINDOW : QK_SPARSE_DEPTH;
}

static inline size_t qk_sparse_step_bytes(qk_sparse_kind kind) {
  return kind == QK_SPARSE_SCATTERED ? 2 * QK_SPARSE_WINDOW : qk_sparse_width(kind) * QK_SPARSE_DEPTH;
}

/// The bytes before a panel's positions.
static inline size_t qk_sparse_panel_start(qk_sparse_kind kind) {
  return sizeof(qk_sparse_panel) + qk_sparse_width(kind) * (sizeof(int32_t) + sizeof(float));
}

static inline size_t qk_sparse_positions_bytes(size_t steps) {
  return qk_round_up(steps * sizeof(uint16_t), QK_ALIGNMENT);
}

/// Steps of the panel that begins at `column`, in all positions.
size_t qk_sparse_panel_steps(qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights, size_t column);

/// Writes all panels.
void qk_sparse_pack_panels(const qk_sparse_matrix *matrix, const int8_t *weights, const int32_t *bias,
                           const float *multiplier, uint8_t zero_point, void *panels);
