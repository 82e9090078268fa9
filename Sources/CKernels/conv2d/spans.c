#include "spans.h"

/// The first position's span alone.
static qk_conv2d_span span_of(const qk_conv2d_side *side, size_t position) {
  size_t start = position * side->stride, end = side->before + side->size;  // of the window, of the image
  size_t tap = start < side->before ? (side->before - start + side->dilation - 1) / side->dilation : 0;
  size_t tap_end = start < end ? (end - start - 1) / side->dilation + 1 : 0;
  if (tap_end > side->kernel) tap_end = side->kernel;
  if (tap >= tap_end) return (qk_conv2d_span){position, 1, 0, 0};
  return (qk_conv2d_span){position, 1, tap, tap_end - tap};
}

size_t qk_conv2d_side_spans(const qk_conv2d_side *side, size_t limit, qk_conv2d_span *spans) {
  size_t count = 0;
  for (size_t position = 0; position < side->positions; position++) {
    qk_conv2d_span next = span_of(side, position);
    if (count > 0 && spans[count - 1].tap == next.tap && spans[count - 1].taps == next.taps) {
      spans[count - 1].count++;
      continue;
    }
    if (count == limit) return limit + 1;
    spans[count++] = next;
  }
  return count;
}
