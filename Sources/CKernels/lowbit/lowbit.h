#pragma once
// Inside of the low-bit product. Weights lie in panels of 32 columns, the same for every instruction set:
//   bias [32] f32, sums [32] f32 (of qk_lowbit_s8), then for each group a block: scales [32], fp16 or f32,
//   and codes; then, where they differ, zero points [groups][32] u8.
// The codes of a block come in chunks of 64 bytes, each for 16 columns by 32 / bits of k, two chunks side by
// side for the panel's columns. Byte b of a column's 4 holds k = b in its lowest `bits`, then k = 4 + b, and
// so on: after a shift and a mask a chunk is what vpdpbusd multiplies.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "half.h"
#include "qk_lowbit.h"

enum { QK_LOWBIT_COLUMNS = 32, QK_LOWBIT_CHUNK = 64, QK_LOWBIT_LANES = 16, QK_LOWBIT_MOST_ROWS = 16 };

typedef struct qk_lowbit_layout {
  size_t n, k, group, groups;
  uint32_t bits;
  bool half_scales;
  bool zero_points_differ;
  uint8_t zero_point;  // of all weights, where they do not
  size_t block_bytes, panel_bytes;
} qk_lowbit_layout;

/// One register tile of work: up to MR rows times one panel.
typedef struct qk_lowbit_tile {
  const qk_lowbit_layout *layout;
  const char *panel;
  size_t row_count;
  size_t columns;  // to write, 1...32
  /// Rows interleaved and padded with zeros to whole groups: s8 [k / 4][row_count][4], f32 [k][row_count].
  const void *x;
  float *y;
  size_t y_stride;
  // For s8 rows:
  /// [groups][row_count]: less the sum of a group's x, times the zero point unless those differ.
  const int32_t *corrections;
  const float *scales;  // [row_count], or [groups][row_count] where `grouped`
  bool grouped;
  const int8_t *zero_points;  // [row_count] or NULL
} qk_lowbit_tile;

typedef struct qk_lowbit_kernel {
  uint32_t isa;
  uint16_t rows;  // MR
  void (*run)(const qk_lowbit_tile *tile);
} qk_lowbit_kernel;

static inline const float *qk_lowbit_bias(const qk_lowbit_tile *tile) { return (const float *)tile->panel; }
static inline const float *qk_lowbit_sums(const qk_lowbit_tile *tile) {
  return qk_lowbit_bias(tile) + QK_LOWBIT_COLUMNS;
}

/// Block of a group: scales, then codes.
static inline const char *qk_lowbit_block(const qk_lowbit_tile *tile, size_t group) {
  return (const char *)(qk_lowbit_sums(tile) + QK_LOWBIT_COLUMNS) + group * tile->layout->block_bytes;
}
static inline const uint8_t *qk_lowbit_codes(const qk_lowbit_layout *layout, const char *block) {
  return (const uint8_t *)block +
         QK_LOWBIT_COLUMNS * (layout->half_scales ? sizeof(uint16_t) : sizeof(float));
}

/// Zero points of a group, where they differ.
static inline const uint8_t *qk_lowbit_zero_points(const qk_lowbit_tile *tile, size_t group) {
  return (const uint8_t *)qk_lowbit_block(tile, tile->layout->groups) + group * QK_LOWBIT_COLUMNS;
}

/// Chunks (of both halves of the panel) in a block, and the k each covers.
static inline size_t qk_lowbit_chunks(const qk_lowbit_layout *layout) {
  return layout->group * layout->bits / 32;
}

/// Checks the weights and describes their packed form.
qk_status qk_lowbit_describe(const qk_lowbit_weights *weights, qk_lowbit_layout *layout);

/// Writes all panels.
///
/// - Returns: whether all codes fit in the bits.
bool qk_lowbit_pack_panels(const qk_lowbit_weights *weights, const qk_lowbit_layout *layout, void *panels);
