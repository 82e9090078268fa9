// Script to host: the only place where Lua enters Swift.
#include "internal.h"

#include <stdio.h>

enum { INLINE_ARGUMENTS = 16 };

// The script's line that is running: the innermost Lua frame that is not library text (whose chunk name
// begins with
// "=["); false where there is none.
static bool find_line(lua_State *L, lua_Debug *ar) {
  for (int level = 1; lua_getstack(L, level, ar); level++) {
    lua_getinfo(L, "Sl", ar);
    if (ar->currentline > 0 && strncmp(ar->source, "=[", 2) != 0) return true;
  }
  return false;
}

// Pushes "file:line: " of the script's line, or "".
void lb_where(lua_State *L) {
  lua_Debug ar;
  if (find_line(L, &ar))
    lua_pushfstring(L, "%s:%d: ", ar.short_src, ar.currentline);
  else
    lua_pushliteral(L, "");
}

bool lb_position(char *text, size_t size) {
  lb_vm *vm = lb_vm_of_thread();
  lua_Debug ar;
  if (!vm || !find_line(atomic_load_explicit(&vm->L, memory_order_relaxed), &ar)) return false;
  snprintf(text, size, "%s:%d", ar.short_src, ar.currentline);
  return true;
}

// Raises what the host answered, and remembers it, so that the host knows its own error when it comes back.
static int raise_error(lua_State *L, lb_value *error) {
  if (error->tag == LB_STRING) {
    bool positioned = error->flag & LB_POSITIONED;
    if (!positioned) lb_where(L);
    lb_push(L, error);
    if (!positioned) lua_concat(L, 2);
  } else {
    lb_push(L, error);
  }
  lb_dispose(NULL, error);
  lua_pushvalue(L, -1);
  lua_rawsetp(L, LUA_REGISTRYINDEX, &lb_key_raised);
  vm_of(L)->host_depth--;
  return lua_error(L);
}

static int stop_script(lua_State *L, lb_vm *vm) {
  vm->host_depth--;
  if (atomic_load(&vm->stop) == STOP_NOT) atomic_store(&vm->stop, STOP_INTERRUPTED);
  lb_arm(L);
  lua_pushliteral(L, "interrupted");
  return lua_error(L);
}

// A result that was an argument is the same value, not a new box.
static bool push_argument(lua_State *L, const lb_value *result, const lb_value *arguments, int count) {
  for (int i = 0; i < count; i++) {
    if (arguments[i].tag != LB_OBJECT || arguments[i].as.object != result->as.object) continue;
    lua_pushvalue(L, i + 1);
    vm_of(L)->host.release(result->as.object);
    return true;
  }
  return false;
}

// The arguments are the bottom `count` values of the stack. No host frame is alive when an error is raised;
// the memory limit stays off until the results are pushed, so that what the host handed over cannot be lost.
int lb_call_host(lua_State *L, int function, int count) {
  lb_vm *vm = vm_of(L);
  lb_value inline_frame[INLINE_ARGUMENTS + LB_MAX_RESULTS];
  lb_value *frame = inline_frame;
  if (count > INLINE_ARGUMENTS) {
    frame = lua_newuserdatauv(L, sizeof(lb_value) * ((size_t)count + LB_MAX_RESULTS), 0);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
  }
  for (int i = 0; i < count; i++) lb_read(L, i + 1, &frame[i]);
  lb_value *out = frame + count;

  lua_State *outer = atomic_load_explicit(&vm->L, memory_order_relaxed);
  // What the host calls back runs on the coroutine that called it. Only this thread and its signals read it.
  atomic_store_explicit(&vm->L, L, memory_order_relaxed);
  vm->host_depth++;
  int results = vm->host.call(vm->host.self, function, frame, count, out);
  atomic_store_explicit(&vm->L, outer, memory_order_relaxed);

  lb_check_pressure(L, vm);
  if (results == LB_RAISE) return raise_error(L, out);
  if (results == LB_STOP) return stop_script(L, vm);
  for (int i = 0; i < results; i++) {
    if (out[i].tag == LB_OBJECT && push_argument(L, &out[i], frame, count)) continue;
    lb_push(L, &out[i]);
    if (out[i].tag == LB_STRING || out[i].tag == LB_TREE) lb_dispose(NULL, &out[i]);
  }
  vm->host_depth--;
  return results;
}

int lb_trampoline(lua_State *L) {
  return lb_call_host(L, (int)lua_tointeger(L, lua_upvalueindex(1)), lua_gettop(L));
}
