#include "CResources.h"

// `#embed` is C23; clang takes it in every mode, and says so.
#pragma clang diagnostic ignored "-Wc23-extensions"

static const uint8_t images[] = {
#embed "digits/digits-images-idx3-ubyte"
};

static const uint8_t labels[] = {
#embed "digits/digits-labels-idx1-ubyte"
};

static const char license[] = {
#embed "digits/LICENSE" suffix(, 0)
};

const uint8_t *qr_digits_images(size_t *length) {
  *length = sizeof images;
  return images;
}

const uint8_t *qr_digits_labels(size_t *length) {
  *length = sizeof labels;
  return labels;
}

const char *qr_digits_license(void) { return license; }
