// Library tables: dotted paths of nested tables in the globals, and what they are called.
#include "internal.h"

typedef struct {
  const char *path, *name;
  int function;
  const lb_value *value;
} entry;

// Pushes the table at a dotted path, made where it is missing.
static void push_path(lua_State *L, const char *path) {
  lua_pushglobaltable(L);
  for (const char *at = path; *at;) {
    size_t length = strcspn(at, ".");
    lua_pushlstring(L, at, length);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, -3) != LUA_TTABLE) {
      lua_pop(L, 1);
      lua_newtable(L);
      lua_pushvalue(L, -2);
      lua_pushvalue(L, -2);
      lua_rawset(L, -5);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
    at += length + (at[length] == '.');
  }
}

static int add_entry(lua_State *L) {
  const entry *e = lua_touserdata(L, 1);
  push_path(L, e->path);
  lua_pushstring(L, e->name);
  if (e->value) {
    lb_push(L, e->value);
  } else {
    lua_pushinteger(L, e->function);
    lua_pushcclosure(L, lb_trampoline, 1);
  }
  lua_rawset(L, -3);
  return 0;
}

static int add_module(lua_State *L) {
  const entry *e = lua_touserdata(L, 1);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
  push_path(L, e->path);
  lua_setfield(L, -2, e->name);
  return 0;
}

bool lb_add_function(lb_vm *vm, const char *path, const char *name, int function) {
  entry e = {.path = path, .name = name, .function = function};
  return lb_protect(vm, add_entry, 0, &e, 0) == LB_OK;
}

bool lb_add_value(lb_vm *vm, const char *path, const char *name, const lb_value *value) {
  entry e = {.path = path, .name = name, .value = value};
  return lb_protect(vm, add_entry, 0, &e, 0) == LB_OK;
}

bool lb_add_module(lb_vm *vm, const char *module, const char *path) {
  entry e = {.path = path, .name = module};
  return lb_protect(vm, add_module, 0, &e, 0) == LB_OK;
}
