#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

bool ci_decode(const uint8_t *bytes, size_t count, ci_image *image, char error[CI_ERROR_SIZE]) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  *image = (ci_image){0};
  if (count >= sizeof png && memcmp(bytes, png, sizeof png) == 0)
    return ci_decode_png(bytes, count, image, error);
  if (count >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff)
    return ci_decode_jpeg(bytes, count, image, error);
  snprintf(error, CI_ERROR_SIZE, "is neither PNG nor JPEG");
  return false;
}

void ci_free(ci_image *image) {
  free(image->pixels);
  *image = (ci_image){0};
}
