// Boxes: the userdata behind which a host object lives, and their metatables.
//
// A box has no finalizer. Lua would run it in a call of its own and keep the box for another cycle; instead
// the allocator, which is told of every block that is freed, knows a box by its seal and lets the object go.
//
// A type's metatable holds plain Lua metamethods and, where the type has methods, `__index` and `__newindex`
// closures over four tables: methods, getters, setters (name to host function id), and the fallbacks that a
// type declares under the names "__index" and "__newindex".
#include "internal.h"

#if defined(__APPLE__)
#include <sys/random.h>
#else
#include <unistd.h>
#endif

typedef struct {
  uint64_t seal;  // the VM's secret, so that no other bytes look like a box
  void *object;   // NULL once closed
  uint16_t type;
} box;

enum { METHODS = 1, GETTERS, SETTERS };  // array slots of a metatable

static box *as_box(lua_State *L, int index) {
  box *b = lua_touserdata(L, index);
  if (!b || lua_rawlen(L, index) != sizeof *b || b->seal != vm_of(L)->seal) return NULL;
  return b;
}

bool lb_read_object(lua_State *L, int index, lb_value *value) {
  const box *b = as_box(L, index);
  if (!b) return false;
  value->tag = LB_OBJECT;
  value->type = b->type;
  value->as.object = b->object;
  return true;
}

// Pushes the box that stands for an object already, if there is one.
static bool push_known(lua_State *L, const lb_vm *vm, const void *object) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm->identities);
  lua_rawgetp(L, -1, object);
  lua_remove(L, -2);
  const box *known = as_box(L, -1);
  if (known && known->object == object) return true;
  lua_pop(L, 1);
  return false;
}

// Takes the reference that `value` carries.
void lb_push_object(lua_State *L, const lb_value *value) {
  const lb_vm *vm = vm_of(L);
  const lb_type *type = &vm->types[value->type];
  void *object = value->as.object;
  if (type->keeps_identity && push_known(L, vm, object)) return vm->host.release(object);
  box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (box){vm->seal, object, value->type};
  lua_rawgeti(L, LUA_REGISTRYINDEX, type->metatable);
  lua_setmetatable(L, -2);
  if (type->keeps_identity) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->identities);
    lua_pushvalue(L, -2);
    lua_rawsetp(L, -2, object);
    lua_pop(L, 1);
  }
}

// The memory of a userdata is the end of its block. May run in the midst of a collection, where Lua cannot be
// called.
void lb_release_freed(const lb_vm *vm, void *end_of_block) {
  box *b = (box *)end_of_block - 1;
  if (b->seal != vm->seal) return;
  b->seal = 0;
  if (b->object) vm->host.release(b->object);
}

// Unlike a collected box, a closed one may still be found by its object's address, which may be used again.
static int close_box(lua_State *L) {
  box *b = as_box(L, 1);
  if (!b || !b->object) return 0;
  lb_vm *vm = vm_of(L);
  void *object = b->object;
  if (vm->types[b->type].keeps_identity) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->identities);
    lua_pushnil(L);
    lua_rawsetp(L, -2, object);
  }
  b->object = NULL;
  vm->host_depth++;
  vm->host.release(object);
  vm->host_depth--;
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
  lb_vm *vm = vm_of(L);
  lb_type *types = realloc(vm->types, sizeof *types * ((size_t)d->type + 1));
  if (!types) return luaL_error(L, "not enough memory");
  vm->types = types;
  lua_newtable(L);
  lua_pushstring(L, d->name);
  lua_setfield(L, -2, "__name");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  set_function(L, "__close", close_box);
  set_function(L, "__eq", boxes_equal);
  set_function(L, "__tostring", box_to_string);
  for (int part = METHODS; part <= SETTERS; part++) {
    lua_newtable(L);
    lua_rawseti(L, -2, part);
  }
  for (int closure = 0; closure < 2; closure++) {
    for (int part = METHODS; part <= SETTERS; part++) lua_rawgeti(L, -part, part);
    lua_pushcclosure(L, closure ? set_box_field : index_box, 3);
    lua_setfield(L, -2, closure ? "__newindex" : "__index");
  }
  types[d->type] = (lb_type){luaL_ref(L, LUA_REGISTRYINDEX), d->keeps_identity};
  return 0;
}

static int add_member(lua_State *L) {
  const declaration *d = lua_touserdata(L, 1);
  lua_rawgeti(L, LUA_REGISTRYINDEX, vm_of(L)->types[d->type].metatable);
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

// What a box takes of Lua's memory, its header included.
static size_t measure_box(lua_State *L, const lb_vm *vm) {
  lua_gc(L, LUA_GCSTOP);
  size_t before = vm->used;
  lua_newuserdatauv(L, sizeof(box), 0);
  size_t size = vm->used - before;
  lua_pop(L, 1);
  lua_gc(L, LUA_GCRESTART);
  return size;
}

void lb_open_objects(lua_State *L) {
  lb_vm *vm = vm_of(L);
  if (getentropy(&vm->seal, sizeof vm->seal) != 0) luaL_error(L, "no random numbers");
  vm->box_size = measure_box(L, vm);
  lua_newtable(L);  // object address to box, held weakly
  lua_newtable(L);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  vm->identities = luaL_ref(L, LUA_REGISTRYINDEX);
}
