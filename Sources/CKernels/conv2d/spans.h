#pragma once
// Output positions along one side of an image, by the taps of their window that lie inside it.
#include <stddef.h>

/// Positions first..<first + count have taps tap..<tap + taps inside the image (taps may be 0).
typedef struct qk_conv2d_span {
  size_t first, count, tap, taps;
} qk_conv2d_span;

/// One side of a convolution.
typedef struct qk_conv2d_side {
  size_t size, before, kernel, stride, dilation, positions;
} qk_conv2d_side;

/// Writes up to `limit` spans, which together hold all positions in order.
///
/// @return how many there are, or limit + 1 where there are more.
size_t qk_conv2d_side_spans(const qk_conv2d_side *side, size_t limit, qk_conv2d_span *spans);
