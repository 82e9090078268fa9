#pragma once
// Copying an image between margins of zero points, where its windows cannot be read in place.
#include "conv2d.h"

/// Bytes of the copy, 0 where none is made. Kernels may read up to QK_ALIGNMENT bytes past its last pixel.
size_t qk_conv2d_copy_bytes(const qk_conv2d_packed *packed);

/// Copies what output rows first..<end of the image `x` read.
void qk_conv2d_copy(const qk_conv2d_packed *packed, size_t first, size_t end, const uint8_t *x,
                    uint8_t *copy);
