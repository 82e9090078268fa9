// Values across the border: reading them off the Lua stack and pushing them onto it.
#include "internal.h"

// The part of reading that needs no copy. Tables and functions stay where they are until the host asks.
void lb_read(lua_State *L, int index, lb_value *value) {
  int type = lua_type(L, index);
  *value = (lb_value){.tag = LB_NIL};
  switch (type) {
    case LUA_TNIL:
    case LUA_TNONE:
      return;
    case LUA_TBOOLEAN:
      value->tag = LB_BOOLEAN;
      value->as.boolean = lua_toboolean(L, index);
      return;
    case LUA_TNUMBER:
      if (lua_isinteger(L, index)) {
        value->tag = LB_INTEGER;
        value->as.integer = lua_tointeger(L, index);
      } else {
        value->tag = LB_NUMBER;
        value->as.number = lua_tonumber(L, index);
      }
      return;
    case LUA_TSTRING: {
      size_t count;
      value->as.bytes = lua_tolstring(L, index, &count);
      value->tag = LB_STRING;
      value->count = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
      return;
    }
    case LUA_TUSERDATA:
      if (lb_read_object(L, index, value)) return;
      break;
    case LUA_TFUNCTION:
      value->tag = LB_FUNCTION;
      break;
    case LUA_TTABLE:
      value->tag = LB_TABLE;
      break;
    default:
      break;
  }
  if (value->tag == LB_NIL) value->tag = LB_OTHER;
  value->type = (uint16_t)type;
  value->as.slot = index;
}

// --- copying a table ---

// Blocks are userdata, each holding the one before it, so that the whole copy lives by the last block alone
// and an error cannot leak it. Functions met on the way are kept in a table.
typedef struct {
  const lb_value *table;
  int base;       // the stack height of the caller, where the two results will lie
  uint64_t size;  // values copied so far
  int kept;
  lb_table *root;
} copy_request;

enum { SLOT_BLOCKS = 2, SLOT_KEPT = 3 };
static const uint64_t max_copied = 1u << 28;

static lb_table *new_block(lua_State *L, uint32_t items, uint32_t fields) {
  size_t values = items + 2 * (size_t)fields;
  lb_table *block = lua_newuserdatauv(L, sizeof(lb_table) + values * sizeof(lb_value), 1);
  block->items = items;
  block->fields = fields;
  block->item = (lb_value *)(block + 1);
  block->field = block->item + items;
  lua_pushvalue(L, SLOT_BLOCKS);
  lua_setiuservalue(L, -2, 1);
  lua_replace(L, SLOT_BLOCKS);
  return block;
}

static lb_table *copy_table(lua_State *L, copy_request *request, int index, int depth);

static void copy_value(lua_State *L, copy_request *request, int index, int depth, lb_value *value) {
  lb_read(L, index, value);
  if (value->tag == LB_TABLE) {
    value->as.table = copy_table(L, request, index, depth + 1);
    value->tag = LB_TREE;
  } else if (value->tag == LB_FUNCTION) {
    if (lua_isnil(L, SLOT_KEPT)) {
      lua_newtable(L);
      lua_replace(L, SLOT_KEPT);
    }
    lua_pushvalue(L, index);
    lua_rawseti(L, SLOT_KEPT, ++request->kept);
    value->count = (uint32_t)request->base + 2;  // where the table of kept functions will be
    value->as.slot = request->kept;
  }
}

static bool is_item_key(lua_State *L, int index, lua_Integer items) {
  if (!lua_isinteger(L, index)) return false;
  lua_Integer key = lua_tointeger(L, index);
  return key >= 1 && key <= items;
}

static lb_table *copy_table(lua_State *L, copy_request *request, int index, int depth) {
  if (depth > LB_MAX_DEPTH) luaL_error(L, "table nests more than %d levels deep", LB_MAX_DEPTH);
  luaL_checkstack(L, 8, "table nests too deep");
  lua_Integer items = (lua_Integer)lua_rawlen(L, index), pairs = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) pairs++;
  request->size += (uint64_t)pairs;
  if (request->size > max_copied) luaL_error(L, "table is too large");
  // A border of a sequence with holes: everything goes by key.
  bool sequence = items <= pairs;
  for (lua_Integer i = 1; sequence && i <= items; i++) {
    sequence = lua_rawgeti(L, index, i) != LUA_TNIL;
    lua_pop(L, 1);
  }
  if (!sequence) items = 0;
  lb_table *block = new_block(L, (uint32_t)items, (uint32_t)(pairs - items));
  for (lua_Integer i = 0; i < items; i++) {
    lua_rawgeti(L, index, i + 1);
    copy_value(L, request, lua_gettop(L), depth, &block->item[i]);
    lua_pop(L, 1);
  }
  if (pairs == items) return block;
  lb_value *field = block->field;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    int top = lua_gettop(L);
    if (is_item_key(L, top - 1, items)) continue;
    copy_value(L, request, top - 1, depth, field++);
    copy_value(L, request, top, depth, field++);
  }
  return block;
}

static int copy_protected(lua_State *L) {
  copy_request *request = lua_touserdata(L, 2);
  lua_settop(L, 1);
  lua_pushnil(L);
  lua_pushnil(L);
  request->root = copy_table(L, request, 1, 1);
  return 2;
}

// Pushes a value that the host holds by its place.
static void push_slot(lua_State *L, const lb_value *value) {
  if (value->tag == LB_FUNCTION && value->count)
    lua_rawgeti(L, (int)value->count, value->as.slot);
  else
    lua_pushvalue(L, (int)value->as.slot);
}

const lb_table *lb_read_table(lb_vm *vm, const lb_value *table) {
  lua_State *L = vm->L;
  if (!lua_checkstack(L, 8)) return NULL;
  copy_request request = {.table = table, .base = lua_gettop(L)};
  push_slot(L, table);
  return lb_protect(vm, copy_protected, 1, &request, 2) == LB_OK ? request.root : NULL;
}

// --- references ---

static int retain_protected(lua_State *L) {
  int *reference = lua_touserdata(L, 2);
  lua_pushvalue(L, 1);
  *reference = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

int lb_retain(lb_vm *vm, const lb_value *value) {
  lua_State *L = vm->L;
  int reference = -1;
  if (!lua_checkstack(L, 8)) return -1;
  push_slot(L, value);
  return lb_protect(vm, retain_protected, 1, &reference, 0) == LB_OK ? reference : -1;
}

void lb_unretain(lb_vm *vm, int reference) {
  if (lua_checkstack(vm->L, 2)) luaL_unref(vm->L, LUA_REGISTRYINDEX, reference);
}

int lb_function_id(lb_vm *vm, const lb_value *value) {
  lua_State *L = vm->L;
  int function = -1;
  if (value->tag != LB_FUNCTION || !lua_checkstack(L, 2)) return -1;
  push_slot(L, value);
  if (lua_tocfunction(L, -1) == lb_trampoline && lua_getupvalue(L, -1, 1)) {
    function = (int)lua_tointeger(L, -1);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return function;
}

const void *lb_identity(lb_vm *vm, const lb_value *value) {
  lua_State *L = vm->L;
  if (value->tag < LB_FUNCTION || value->tag == LB_TREE || !lua_checkstack(L, 1)) return NULL;
  push_slot(L, value);
  const void *identity = lua_topointer(L, -1);
  lua_pop(L, 1);
  return identity;
}

const char *lb_type_name(int type) {
  static const char *const names[] = {"nil",   "boolean",  "userdata", "number", "string",
                                      "table", "function", "userdata", "thread"};
  return type >= 0 && type < 9 ? names[type] : "value";
}

// --- pushing ---

static void push_table(lua_State *L, const lb_table *table) {
  luaL_checkstack(L, 6, "table nests too deep");
  lua_createtable(L, (int)table->items, (int)table->fields);
  for (uint32_t i = 0; i < table->items; i++) {
    lb_push(L, &table->item[i]);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  for (uint32_t i = 0; i < table->fields; i++) {
    lb_push(L, &table->field[2 * i]);
    lb_push(L, &table->field[2 * i + 1]);
    lua_rawset(L, -3);
  }
}

void lb_push(lua_State *L, const lb_value *value) {
  switch (value->tag) {
    case LB_BOOLEAN:
      lua_pushboolean(L, value->as.boolean);
      break;
    case LB_INTEGER:
      lua_pushinteger(L, value->as.integer);
      break;
    case LB_NUMBER:
      lua_pushnumber(L, value->as.number);
      break;
    case LB_STRING:
      lua_pushlstring(L, value->as.bytes, value->count);
      break;
    case LB_OBJECT:
      lb_push_object(L, value);
      break;
    case LB_TREE:
      push_table(L, value->as.table);
      break;
    case LB_REFERENCE:
      lua_rawgeti(L, LUA_REGISTRYINDEX, value->as.slot);
      break;
    case LB_NIL:
    case LB_FUNCTION:
    case LB_TABLE:
    case LB_OTHER:
      lua_pushnil(L);
      break;
  }
}
