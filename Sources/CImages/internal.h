#pragma once

#include <setjmp.h>

#include "CImages.h"

/// Larger images are refused: 2^28 pixels, as a header of a few bytes can claim any size.
#define CI_MOST_PIXELS ((size_t)1 << 28)

bool ci_decode_png(const uint8_t *bytes, size_t count, ci_image *image, char error[CI_ERROR_SIZE]);
bool ci_decode_jpeg(const uint8_t *bytes, size_t count, ci_image *image, char error[CI_ERROR_SIZE]);
