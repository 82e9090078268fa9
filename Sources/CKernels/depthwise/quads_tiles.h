#pragma once
// Walking over a strip of quads by tiles: two neighbouring units of one packed block, in both rows.
#include "quads.h"

enum { QK_QUADS_UNITS = 2 };

typedef struct qk_quads_tile {
  const qk_quads_strip *strip;
  const char *packed;                     // of the block: bias', multiplier, weights
  const uint32_t *quads[QK_QUADS_UNITS];  // of the block's first lane, in the first row
  void *y[QK_QUADS_UNITS];                // the same in the output
  size_t lanes[QK_QUADS_UNITS];           // to write; 0 where there is no such unit
} qk_quads_tile;

static inline const int32_t *qk_quads_bias(const qk_quads_tile *tile) {
  return (const int32_t *)(const void *)tile->packed;
}
static inline const float *qk_quads_multiplier(const qk_quads_tile *tile) {
  return (const float *)(qk_quads_bias(tile) + QK_QUAD_LANES);
}
static inline const int8_t *qk_quads_weights(const qk_quads_tile *tile) {
  return (const int8_t *)(qk_quads_multiplier(tile) + QK_QUAD_LANES);
}

/// Bytes of a packed block of the strip.
static inline size_t qk_quads_strip_block_bytes(const qk_quads_strip *s) {
  return qk_quads_block_bytes(s->kernel_w * s->row_groups, s->packed_rows);
}

/// The tile of the block that starts at lane `first`, from `unit` on.
static inline qk_quads_tile qk_quads_tile_at(const qk_quads_strip *s, const char *packed, size_t first,
                                             size_t unit) {
  const size_t lanes = s->channels * s->repeats, size = qk_output_size(s->output);
  qk_quads_tile tile = {.strip = s, .packed = packed};
  for (size_t i = 0; i < QK_QUADS_UNITS; i++) {
    size_t at = unit + i < s->units ? unit + i : unit, pixel = at * s->repeats;
    size_t left = (at + 1 < s->units ? lanes : s->last_pixels * s->channels) - first;
    tile.quads[i] = s->quads + pixel * s->pixel_step + first;
    tile.y[i] = (char *)s->y + (pixel * s->y_pixel_step + first) * size;
    tile.lanes[i] = unit + i >= s->units ? 0 : left < QK_QUAD_LANES ? left : QK_QUAD_LANES;
  }
  return tile;
}
