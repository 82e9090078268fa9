#pragma once

/// PNG and JPEG files as plain pixels. The one room that sees libpng and libjpeg, whose errors are longjmps.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Rows from the top, pixels from the left, channels innermost: 1 (grey) or 3 (red, green, blue), as the file
/// has them.
typedef struct {
  uint8_t *pixels;  ///< of malloc; the caller's to give back with ci_free
  size_t width, height, channels;
} ci_image;

enum { CI_ERROR_SIZE = 256 };

/// Decodes the file in `bytes`, PNG or JPEG by its first bytes. Palettes are looked up, 16 bits become 8,
/// transparency is dropped, grey stays grey, CMYK is refused. Thread-safe.
///
/// On failure answers false, with one line in `error`, and nothing to free.
bool ci_decode(const uint8_t *bytes, size_t count, ci_image *image, char error[CI_ERROR_SIZE]);

void ci_free(ci_image *image);

#ifdef __cplusplus
}
#endif
