// Running a packed convolution, or some rows of its output.
#include "conv2d.h"

#include "copy.h"

size_t qk_conv2d_u8s8_scratch_bytes(const void *packed) {
  const qk_conv2d_packed *plan = packed;
  if (plan->quads.kernel) return qk_quads_scratch_bytes(&plan->quads, &plan->shape);
  size_t taps = plan->depthwise ? plan->shape.kernel_h * plan->shape.kernel_w : 0;
  return qk_conv2d_copy_bytes(plan) + qk_round_up(taps * sizeof(uint8_t *), QK_ALIGNMENT);
}

static void convolve(const qk_conv2d_packed *packed, const qk_conv2d_rows *rows, uint8_t *scratch) {
  if (packed->quads.kernel)
    qk_conv2d_quads(packed, rows, scratch);
  else if (packed->depthwise)
    qk_conv2d_depthwise(packed, rows, (const uint8_t **)(scratch + qk_conv2d_copy_bytes(packed)));
  else if (packed->direct)
    qk_conv2d_direct(packed, rows);
  else
    qk_conv2d_windows(packed, rows);
}

/// The same rows of some images, copying each image if need be.
static void convolve_images(const qk_conv2d_packed *packed, qk_conv2d_rows rows, size_t first_image,
                            const uint8_t *x, void *y, uint8_t *scratch) {
  const qk_conv2d_shape *s = &packed->shape;
  size_t image = s->height * s->width * s->channels;
  size_t out_image = packed->out_height * packed->out_width * s->out_channels;
  // Images are taken a few at a time, so that weights and pixels meet in the nearest cache.
  const size_t cached = 32 << 10;
  size_t at_once = packed->copies || image > cached ? 1 : cached / image, images = rows.images;
  for (size_t done = 0; done < images; done += rows.images) {
    rows.images = images - done < at_once ? images - done : at_once;
    rows.x = x + (first_image + done) * image;
    rows.y = qk_output_at(rows.output, y, (first_image + done) * out_image);
    if (packed->copies) {
      qk_conv2d_copy(packed, rows.first, rows.end, rows.x, scratch);
      rows.x = scratch;
    }
    convolve(packed, &rows, scratch);
  }
}

qk_status qk_conv2d_u8s8_rows(const void *packed, size_t batch, const uint8_t *x, const qk_output *output,
                              void *y, size_t first_row, size_t row_count, void *scratch) {
  const qk_conv2d_packed *plan = packed;
  if (!qk_is_aligned(packed) || !qk_is_aligned(scratch)) return QK_BAD_ALIGNMENT;
  qk_status status = qk_check_output(output);
  if (status != QK_OK) return status;
  size_t height = plan->out_height, total = batch * height;
  if (first_row > total || row_count > total - first_row) return QK_BAD_SIZE;
  for (size_t row = first_row, end = first_row + row_count; row < end;) {
    size_t first = row % height, left = end - row;
    qk_conv2d_rows rows = {1, first, height - first < left ? height : first + left, NULL, NULL, output};
    if (first == 0 && left >= height) rows.images = left / height;
    convolve_images(plan, rows, row / height, x, y, scratch);
    row += rows.images * (rows.end - first);
  }
  return QK_OK;
}

qk_status qk_conv2d_u8s8(const void *packed, size_t batch, const uint8_t *x, const qk_output *output, void *y,
                         void *scratch) {
  size_t height = ((const qk_conv2d_packed *)packed)->out_height;
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  return qk_conv2d_u8s8_rows(packed, batch, x, output, y, 0, batch * height, scratch);
}
