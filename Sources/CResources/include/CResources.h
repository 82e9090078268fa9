#pragma once

// Files that travel inside the binary, so that one executable runs from any folder.
//
// Everything returned is constant, lives as long as the process and is never freed.

#include <stddef.h>
#include <stdint.h>

// The UCI handwritten digits as two IDX files (1,797 images of 8 x 8 unsigned bytes, values 0 to 16; as many
// labels 0 to 9), each with its header. `*length` is the file's size in bytes.
const uint8_t *qr_digits_images(size_t *length);
const uint8_t *qr_digits_labels(size_t *length);

// Authors, source and licence of the digits, to be shown wherever the data set is described.
const char *qr_digits_license(void);

// The standard library written in Lua, Sources/Bindings/Lua: every file of it, listed in lua_modules.inc.
size_t qr_lua_module_count(void);

// The name of module `index`, in the order of the list; NULL from `qr_lua_module_count()` on.
const char *qr_lua_module_name(size_t index);

// The source text of the named module, without its terminating zero in `*length`; NULL where there is none.
const char *qr_lua_module(const char *name, size_t *length);

// C99 that stands alone: every file of Sources/CKernels/include/plain but plain.h, listed in c_sources.inc.
// Names are those of the files ("add.h"); otherwise as for the modules.
size_t qr_c_source_count(void);
const char *qr_c_source_name(size_t index);
const char *qr_c_source(const char *name, size_t *length);
