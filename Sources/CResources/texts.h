#pragma once
// Lists of text files. A list is a file of entries, three lines each, for `#embed` is a directive, which no
// macro can make:
//
//   MODULE("recipe")
//   #embed "../Bindings/Lua/recipe.lua"
//   END
#include <string.h>

#include "CResources.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

struct text {
  const char *name;
  const uint8_t *bytes;  // ends with a zero byte, which sources cannot hold
};

// clang-format off
#define MODULE(name) {name, (const uint8_t[]){
#define END , 0}},
// clang-format on

/// The text of that name in a list that ends with a NULL name.
static inline const char *find_text(const struct text *list, const char *name, size_t *length) {
  for (const struct text *entry = list; entry->name; ++entry) {
    if (strcmp(entry->name, name) != 0) continue;
    const char *text = (const char *)entry->bytes;
    *length = strlen(text);
    return text;
  }
  return NULL;
}
