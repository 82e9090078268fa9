#include "copy.h"

#include <string.h>

enum { CHUNK = 32 };

size_t qk_conv2d_copy_bytes(const qk_conv2d_packed *packed) {
  if (!packed->copies) return 0;
  size_t image = packed->copied_height * packed->copied_width * packed->shape.channels;
  return qk_round_up(image + 2 * QK_ALIGNMENT, QK_ALIGNMENT);
}

/// A short row, without the cost of a call: whole chunks, the last one overlapping.
static inline void copy_row(uint8_t *to, const uint8_t *from, size_t bytes) {
  if (bytes < CHUNK || bytes > 16 * CHUNK) {
    memcpy(to, from, bytes);
    return;
  }
  for (size_t i = 0; i + CHUNK < bytes; i += CHUNK) memcpy(to + i, from + i, CHUNK);
  memcpy(to + bytes - CHUNK, from + bytes - CHUNK, CHUNK);
}

/// Margin bytes. Short ones are written as a whole chunk: what follows is written later, or slack.
static inline void fill_margin(uint8_t *to, uint8_t value, size_t bytes) {
  memset(to, value, bytes < CHUNK ? CHUNK : bytes);
}

void qk_conv2d_copy(const qk_conv2d_packed *packed, size_t first, size_t end, const uint8_t *x,
                    uint8_t *copy) {
  const qk_conv2d_shape *s = &packed->shape;
  qk_conv2d_side side = qk_conv2d_row_side(packed);
  size_t row = s->width * s->channels, copied_row = packed->copied_width * s->channels;
  size_t left = packed->copied_left * s->channels, right = copied_row - left - row;
  size_t begin = first * side.stride < side.before ? 0 : first * side.stride - side.before;
  size_t stop = (end - 1) * side.stride + (side.kernel - 1) * side.dilation + 1;
  stop = stop < side.before ? 0 : stop - side.before;
  if (stop > packed->copied_height) stop = packed->copied_height;
  for (size_t i = begin; i < stop; i++) {
    uint8_t *to = copy + i * copied_row;
    if (i < packed->copied_top || i >= packed->copied_top + s->height) {
      memset(to, packed->zero_point, copied_row);
      continue;
    }
    // From then on the right margin of the row before and the left one are one stretch of bytes.
    if (i == begin || i == packed->copied_top) fill_margin(to, packed->zero_point, left);
    copy_row(to + left, x + (i - packed->copied_top) * row, row);
    fill_margin(to + left + row, packed->zero_point, i + 1 < stop ? right + left : right);
  }
}
