// Boxes: the userdata behind which a host object lives, and their metatables.
//
// A type's metatable holds plain Lua metamethods and, where the type has methods, `__index` and `__newindex`
// closures over four tables: methods, getters, setters (name to host function id), and the fallbacks that a
// type declares under the names "__index" and "__newindex".
#include "internal.h"

typedef struct {
  const char *magic;  // tells a box from the userdata of other libraries
  void *object;       // NULL once closed or collected
  uint32_t type;
  bool keeps_identity;
} box;

static const char box_magic;

enum { METHODS = 1, GETTERS, SETTERS, KEEPS_IDENTITY };  // array slots of a metatable

static box *as_box(lua_State *L, int index) {
  box *b = lua_touserdata(L, index);
  if (!b || lua_rawlen(L, index) != sizeof *b || b->magic != &box_magic) return NULL;
  return b;
}

bool lb_read_object(lua_State *L, int index, lb_value *value) {
  const box *b = as_box(L, index);
  if (!b) return false;
  value->tag = LB_OBJECT;
  value->type = (uint16_t)b->type;
  value->as.object = b->object;
  return true;
}

// Takes the reference that `value` carries.
void lb_push_object(lua_State *L, const lb_value *value) {
  lb_vm *vm = vm_of(L);
  luaL_checkstack(L, 6, NULL);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_types);
  lua_rawgeti(L, -1, value->type);
  bool keeps_identity = lua_rawgeti(L, -1, KEEPS_IDENTITY) == LUA_TBOOLEAN;
  lua_pop(L, 1);
  if (keeps_identity) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_identities);
    lua_rawgetp(L, -1, value->as.object);
    const box *known = as_box(L, -1);
    if (known && known->object == value->as.object) {
      lua_replace(L, -4);
      lua_pop(L, 2);
      vm->host.release(value->as.object);
      return;
    }
    lua_pop(L, 2);
  }
  box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (box){&box_magic, value->as.object, value->type, keeps_identity};
  lua_insert(L, -2);
  lua_setmetatable(L, -2);
  if (keeps_identity) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_identities);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, value->as.object);
    lua_pop(L, 1);
  }
  lua_remove(L, -2);
}

static void release(lua_State *L, box *b) {
  void *object = b->object;
  b->object = NULL;
  lb_vm *vm = vm_of(L);
  vm->host_depth++;
  vm->host.release(object);
  vm->host_depth--;
}

static int collect_box(lua_State *L) {
  box *b = as_box(L, 1);
  if (b && b->object) release(L, b);
  return 0;
}

// Unlike a collected box, a closed one may still be found by its object's address, which may be used again.
static int close_box(lua_State *L) {
  box *b = as_box(L, 1);
  if (!b || !b->object) return 0;
  if (b->keeps_identity) {
    lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_identities);
    lua_pushnil(L);
    lua_rawsetp(L, -2, b->object);
  }
  release(L, b);
  return 0;
}

static int boxes_equal(lua_State *L) {
  const box *a = as_box(L, 1), *b = as_box(L, 2);
  lua_pushboolean(L, a && b && a->object && a->object == b->object);
  return 1;
}

static int box_to_string(lua_State *L) {
  const box *b = as_box(L, 1);
  luaL_getmetafield(L, 1, "__name");
  lua_pushfstring(L, b && b->object ? "%s: %p" : "closed %s", lua_tostring(L, -1), b ? b->object : NULL);
  return 1;
}

// --- fields ---

// Calls the host function whose id is on the top of the stack with the arguments below it.
static int call_field(lua_State *L, int count) {
  int function = (int)lua_tointeger(L, -1);
  lua_settop(L, count);
  return lb_call_host(L, function, count);
}

static int no_such_field(lua_State *L, const char *verb) {
  luaL_getmetafield(L, 1, "__name");
  luaL_tolstring(L, 2, NULL);
  lb_where(L);
  lua_pushfstring(L, "%s%s has no %s '%s'", lua_tostring(L, -1), lua_tostring(L, -3), verb,
                  lua_tostring(L, -2));
  return lua_error(L);
}

static int index_box(lua_State *L) {
  lua_settop(L, 2);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(METHODS)) != LUA_TNIL) return 1;
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(GETTERS)) != LUA_TNIL) return call_field(L, 1);
  lua_pushliteral(L, "__index");
  if (lua_rawget(L, lua_upvalueindex(GETTERS)) != LUA_TNIL) {
    call_field(L, 2);
    if (!lua_isnil(L, -1) || lua_type(L, 2) == LUA_TNUMBER) return 1;  // nil ends a loop over 1, 2, 3 ...
  }
  return no_such_field(L, "field or method");
}

static int set_box_field(lua_State *L) {
  lua_settop(L, 3);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(SETTERS)) != LUA_TNIL) {
    int function = (int)lua_tointeger(L, -1);
    lua_settop(L, 3);
    lua_remove(L, 2);
    return lb_call_host(L, function, 2);
  }
  lua_pushliteral(L, "__newindex");
  if (lua_rawget(L, lua_upvalueindex(SETTERS)) != LUA_TNIL) return call_field(L, 3);
  return no_such_field(L, "field to set,");
}

// --- declaring ---

static void set_function(lua_State *L, const char *name, lua_CFunction function) {
  lua_pushcfunction(L, function);
  lua_setfield(L, -2, name);
}

typedef struct {
  int type, function, part;
  const char *name;
  bool keeps_identity;
} declaration;

static int add_type(lua_State *L) {
  const declaration *d = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_types);
  lua_newtable(L);
  lua_pushstring(L, d->name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  set_function(L, "__gc", collect_box);
  set_function(L, "__close", close_box);
  set_function(L, "__eq", boxes_equal);
  set_function(L, "__tostring", box_to_string);
  for (int part = METHODS; part <= SETTERS; part++) {
    lua_newtable(L);
    lua_rawseti(L, -2, part);
  }
  if (d->keeps_identity) {
    lua_pushboolean(L, 1);
    lua_rawseti(L, -2, KEEPS_IDENTITY);
  }
  for (int closure = 0; closure < 2; closure++) {
    for (int part = METHODS; part <= SETTERS; part++) lua_rawgeti(L, -part, part);
    lua_pushcclosure(L, closure ? set_box_field : index_box, 3);
    lua_setfield(L, -2, closure ? "__newindex" : "__index");
  }
  lua_rawseti(L, -2, d->type);
  return 0;
}

static int add_member(lua_State *L) {
  const declaration *d = lua_touserdata(L, 1);
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_types);
  lua_rawgeti(L, -1, d->type);
  bool metamethod = strncmp(d->name, "__", 2) == 0;
  if (!(d->part == METHODS && metamethod)) lua_rawgeti(L, -1, d->part);
  if (d->part == METHODS && strcmp(d->name, "free") == 0) {  // does what `__close` does
    lua_pushcfunction(L, close_box);
  } else {
    lua_pushinteger(L, d->function);
    if (d->part == METHODS) lua_pushcclosure(L, lb_trampoline, 1);
  }
  lua_setfield(L, -2, d->name);
  return 0;
}

bool lb_add_type(lb_vm *vm, int type, const char *name, bool keeps_identity) {
  declaration d = {.type = type, .name = name, .keeps_identity = keeps_identity};
  return lb_protect(vm, add_type, 0, &d, 0) == LB_OK;
}

static bool add(lb_vm *vm, int type, const char *name, int function, int part) {
  declaration d = {.type = type, .name = name, .function = function, .part = part};
  return lb_protect(vm, add_member, 0, &d, 0) == LB_OK;
}

bool lb_add_method(lb_vm *vm, int type, const char *name, int function) {
  return add(vm, type, name, function, METHODS);
}
bool lb_add_getter(lb_vm *vm, int type, const char *name, int function) {
  return add(vm, type, name, function, GETTERS);
}
bool lb_add_setter(lb_vm *vm, int type, const char *name, int function) {
  return add(vm, type, name, function, SETTERS);
}

void lb_open_objects(lua_State *L) {
  lua_newtable(L);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lb_key_types);
  lua_newtable(L);  // object address to box, held weakly
  lua_newtable(L);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lb_key_identities);
}
