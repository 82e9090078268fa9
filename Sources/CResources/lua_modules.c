#include "texts.h"

static const struct text modules[] = {
#include "lua_modules.inc"
    {NULL, NULL},
};

size_t qr_lua_module_count(void) { return sizeof modules / sizeof modules[0] - 1; }

const char *qr_lua_module_name(size_t index) {
  return index < qr_lua_module_count() ? modules[index].name : NULL;
}

const char *qr_lua_module(const char *name, size_t *length) { return find_text(modules, name, length); }
