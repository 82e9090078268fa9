#pragma once
// Inside of the Winograd convolutions: how tiles and packed weights lie, and the kernel for a block of tiles.
#include "qk_f32_winograd.h"

/// Channels in a vector, numbers of a transformed tile, tiles that are computed together.
enum { GROUP = 16, POINTS = 16, BLOCK = 8 };

/// Groups of output channels that are computed together.
static inline size_t qk_f32_winograd_panel(const qk_f32_conv2d *c) {
  return c->out_channels % (2 * GROUP) == 0 ? 2 : 1;
}

/// Floats from one point of a block of tiles to the next, and from one point of the weights to the next; no
/// powers of two, so that the points of a tile or kernel do not meet in one set of a cache.
static inline size_t qk_f32_winograd_plane(size_t channels) { return BLOCK * channels + GROUP; }
static inline size_t qk_f32_winograd_weight_plane(size_t channels, size_t out_channels) {
  return channels * out_channels + GROUP;
}

/// Tiles along a row and down a column of results, two results each way to a tile.
static inline size_t qk_f32_winograd_across(const qk_f32_conv2d *c) { return (c->out_width + 1) / 2; }
static inline size_t qk_f32_winograd_down(const qk_f32_conv2d *c) { return (c->out_height + 1) / 2; }

/// As `qk_f32_winograd_pack`.
void qk_f32_winograd_pack__avx512(const qk_f32_conv2d *c, bool turned, const float *weights, float *packed);

/// The results of `tiles` tiles, at most BLOCK, of which `first` is the number of the first, counted through
/// all images.
void qk_f32_winograd_block__avx512(const qk_f32_conv2d *c, size_t first, size_t tiles, const float *x,
                                   const float *packed, const qk_f32_winograd_end *end, float *scratch,
                                   float *y);
