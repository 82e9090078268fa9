#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

struct source {
  const uint8_t *bytes;
  size_t count, place;
  char *error;
};

static void on_error(png_structp png, png_const_charp message) {
  struct source *source = png_get_error_ptr(png);
  snprintf(source->error, CI_ERROR_SIZE, "cannot be decoded as PNG: %s", message);
  longjmp(png_jmpbuf(png), 1);
}

static void on_warning(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep to, size_t count) {
  struct source *source = png_get_io_ptr(png);
  if (count > source->count - source->place) png_error(png, "the file is cut short");
  memcpy(to, source->bytes + source->place, count);
  source->place += count;
}

/// Reads the header and asks for 8 bits of grey or red, green, blue.
static void prepare(png_structp png, png_infop info) {
  png_read_info(png, info);
  const png_byte kind = png_get_color_type(png, info);
  if (kind == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (kind == PNG_COLOR_TYPE_GRAY && png_get_bit_depth(png, info) < 8) png_set_expand_gray_1_2_4_to_8(png);
  if (png_get_bit_depth(png, info) == 16) png_set_scale_16(png);
  if ((kind & PNG_COLOR_MASK_ALPHA) || png_get_valid(png, info, PNG_INFO_tRNS)) png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, info);
}

bool ci_decode_png(const uint8_t *bytes, size_t count, ci_image *image, char error[CI_ERROR_SIZE]) {
  struct source source = {bytes, count, 0, error};
  // What a longjmp must not lose is volatile.
  png_bytep *volatile rows = NULL;
  uint8_t *volatile pixels = NULL;
  snprintf(error, CI_ERROR_SIZE, "cannot be decoded as PNG: out of memory");
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, on_error, on_warning);
  if (!png) return false;
  png_infop info = png_create_info_struct(png);
  if (!info || setjmp(png_jmpbuf(png))) goto failed;
  png_set_user_limits(png, 1 << 20, 1 << 20);
  png_set_read_fn(png, &source, read_bytes);
  prepare(png, info);

  const size_t width = png_get_image_width(png, info), height = png_get_image_height(png, info);
  const size_t channels = png_get_channels(png, info), stride = png_get_rowbytes(png, info);
  if (width * height > CI_MOST_PIXELS) png_error(png, "it has more than 2^28 pixels");
  if ((channels != 1 && channels != 3) || stride != width * channels)
    png_error(png, "its kind of pixels is unknown");
  pixels = malloc(stride * height);
  rows = malloc(height * sizeof *rows);
  if (!pixels || !rows) goto failed;
  for (size_t y = 0; y < height; y++) rows[y] = pixels + y * stride;
  png_read_image(png, rows);
  free(rows);
  png_destroy_read_struct(&png, &info, NULL);
  *image = (ci_image){pixels, width, height, channels};
  return true;

failed:
  free(rows);
  free(pixels);
  png_destroy_read_struct(&png, info ? &info : NULL, NULL);
  return false;
}
