#include <string.h>

#include "CResources.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

struct module {
  const char *name;
  const uint8_t *text;  // ends with a zero byte, which Lua source cannot hold
};

// clang-format off
#define MODULE(name) {name, (const uint8_t[]){
#define END , 0}},
// clang-format on

static const struct module modules[] = {
#include "lua_modules.inc"
    {NULL, NULL},
};

size_t qr_lua_module_count(void) { return sizeof modules / sizeof modules[0] - 1; }

const char *qr_lua_module_name(size_t index) {
  return index < qr_lua_module_count() ? modules[index].name : NULL;
}

const char *qr_lua_module(const char *name, size_t *length) {
  for (const struct module *module = modules; module->name; ++module) {
    if (strcmp(module->name, name) != 0) continue;
    const char *text = (const char *)module->text;
    *length = strlen(text);
    return text;
  }
  return NULL;
}
