#include <stdio.h>
#include <stdlib.h>
// jpeglib.h needs what stdio.h declares.
#include <jpeglib.h>

#include "internal.h"

struct failure {
  struct jpeg_error_mgr manager;  // first, so that a pointer to it is one to this
  jmp_buf place;
  char *error;
};

static void on_error(j_common_ptr info) {
  struct failure *failure = (struct failure *)info->err;
  char message[JMSG_LENGTH_MAX];
  failure->manager.format_message(info, message);
  snprintf(failure->error, CI_ERROR_SIZE, "cannot be decoded as JPEG: %s", message);
  longjmp(failure->place, 1);
}

/// The library mends a file that is cut short or damaged with grey, and only warns of it: data to learn from
/// must be whole.
static void on_message(j_common_ptr info, int level) {
  if (level < 0) on_error(info);
}

bool ci_decode_jpeg(const uint8_t *bytes, size_t count, ci_image *image, char error[CI_ERROR_SIZE]) {
  struct jpeg_decompress_struct info;
  struct failure failure = {.error = error};
  uint8_t *volatile pixels = NULL;
  info.err = jpeg_std_error(&failure.manager);
  failure.manager.error_exit = on_error;
  failure.manager.emit_message = on_message;
  if (setjmp(failure.place)) {
    free(pixels);
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, bytes, count);
  jpeg_read_header(&info, TRUE);
  const size_t size = (size_t)info.image_width * info.image_height;
  const size_t channels = info.jpeg_color_space == JCS_GRAYSCALE ? 1 : 3;
  const bool is_known =
      channels == 1 || info.jpeg_color_space == JCS_YCbCr || info.jpeg_color_space == JCS_RGB;
  if (!is_known || size > CI_MOST_PIXELS) {
    snprintf(error, CI_ERROR_SIZE,
             is_known ? "has more than 2^28 pixels" : "is a JPEG of CMYK pixels; convert it to RGB");
    jpeg_destroy_decompress(&info);
    return false;
  }
  info.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&info);
  pixels = malloc(size * channels);
  if (!pixels) {
    snprintf(error, CI_ERROR_SIZE, "cannot be decoded as JPEG: out of memory");
    jpeg_destroy_decompress(&info);
    return false;
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = pixels + info.output_scanline * info.output_width * channels;
    jpeg_read_scanlines(&info, &row, 1);
  }
  *image = (ci_image){pixels, info.output_width, info.output_height, channels};
  jpeg_finish_decompress(&info);
  jpeg_destroy_decompress(&info);
  return true;
}
