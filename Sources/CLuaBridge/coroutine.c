// coroutine.resume and coroutine.wrap that note which state runs, so that an interrupt reaches it.
// Otherwise they do what Lua's own do, save that an error through a wrapped coroutine keeps its one position.
#include "internal.h"

// Moves `count` arguments over, runs `co`, and moves back its results, or its error and -1.
static int resume(lua_State *L, lua_State *co, int count) {
  lb_vm *vm = vm_of(L);
  if (!lua_checkstack(co, count)) {
    lua_pushliteral(L, "too many arguments to resume");
    return -1;
  }
  lua_xmove(L, co, count);
  vm->L = co;
  if (atomic_load(&vm->stop) != STOP_NOT) lb_arm(co);
  int results;
  int status = lua_resume(co, L, count, &results);
  vm->L = L;
  if (atomic_load(&vm->stop) != STOP_NOT) lb_arm(L);
  if (status != LUA_OK && status != LUA_YIELD) {
    lua_xmove(co, L, 1);
    return -1;
  }
  if (!lua_checkstack(L, results + 1)) {
    lua_pop(co, results);
    lua_pushliteral(L, "too many results to resume");
    return -1;
  }
  lua_xmove(co, L, results);
  return results;
}

static int coroutine_resume(lua_State *L) {
  lua_State *co = lua_tothread(L, 1);
  luaL_argexpected(L, co, 1, "coroutine");
  int results = resume(L, co, lua_gettop(L) - 1);
  lua_pushboolean(L, results >= 0);
  lua_insert(L, results >= 0 ? -results - 1 : -2);
  return results >= 0 ? results + 1 : 2;
}

static int call_wrapped(lua_State *L) {
  lua_State *co = lua_tothread(L, lua_upvalueindex(1));
  int results = resume(L, co, lua_gettop(L));
  if (results >= 0) return results;
  int status = lua_status(co);
  if (status != LUA_OK && status != LUA_YIELD) {  // ended by an error: close what it left open
    lua_pop(L, 1);
    lua_resetthread(co);
    lua_xmove(co, L, 1);
  }
  return lua_error(L);
}

static int coroutine_wrap(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_State *co = lua_newthread(L);
  lua_pushvalue(L, 1);
  lua_xmove(L, co, 1);
  lua_pushcclosure(L, call_wrapped, 1);
  return 1;
}

void lb_open_coroutines(lua_State *L) {
  lua_getglobal(L, "coroutine");
  lua_pushcfunction(L, coroutine_resume);
  lua_setfield(L, -2, "resume");
  lua_pushcfunction(L, coroutine_wrap);
  lua_setfield(L, -2, "wrap");
  lua_pop(L, 1);
}
