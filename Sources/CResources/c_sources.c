#include "texts.h"

static const struct text sources[] = {
#include "c_sources.inc"
    {NULL, NULL},
};

size_t qr_c_source_count(void) { return sizeof sources / sizeof sources[0] - 1; }

const char *qr_c_source_name(size_t index) {
  return index < qr_c_source_count() ? sources[index].name : NULL;
}

const char *qr_c_source(const char *name, size_t *length) { return find_text(sources, name, length); }
