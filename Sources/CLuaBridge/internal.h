// What the files of this target share. `m` functions of Lua (manual, section 4.6) may be called from here
// only where no Swift frame can be jumped over.
#pragma once
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "CLuaBridge.h"

typedef struct lb_pressure {
  long seen;     // native bytes at the last look
  long base;     // native bytes after the last finished cycle
  int stretch;   // how many times the usual garbage is allowed, since collecting is dear here
  double spent;  // seconds collected since `began`
  double began;
} lb_pressure;

typedef struct lb_type {
  int metatable;  // registry reference
  bool keeps_identity;
} lb_type;

enum { STOP_NOT, STOP_INTERRUPTED, STOP_EXIT };

struct lb_vm {
  lua_State *main;
  _Atomic(lua_State *) L;  // the state that is running: the main one or a coroutine
  lb_host host;
  size_t used, limit;
  int host_depth;  // > 0 while host code runs: the memory limit must not fire over its frames
  int entered;     // nested runs from the host
  lb_vm *outer;    // the VM whose host code runs this one
  atomic_int stop;
  int exit_code;
  _Atomic(bool) running;  // `thread` is valid
  pthread_t thread;
  lb_pressure pressure;
  lb_type *types;   // by number
  int identities;   // registry reference of a weak table: object address to box
  uint64_t seal;    // see object.c
  size_t box_size;  // of the block that Lua asks for
};

static inline lb_vm *vm_of(lua_State *L) { return *(lb_vm **)lua_getextraspace(L); }

// Registry keys are the addresses of these.
extern const char lb_key_raised, lb_key_message, lb_key_traceback;

// run.c
// Calls `function` with the top `arguments` values and `request`.
lb_status lb_protect(lb_vm *vm, lua_CFunction function, int arguments, void *request, int results);
// call.c
int lb_trampoline(lua_State *L);
int lb_call_host(lua_State *L, int function, int count);
void lb_where(lua_State *L);
// value.c
void lb_read(lua_State *L, int index, lb_value *value);
void lb_push(lua_State *L, const lb_value *value);
// object.c
bool lb_read_object(lua_State *L, int index, lb_value *value);
void lb_push_object(lua_State *L, const lb_value *value);
void lb_release_freed(const lb_vm *vm, void *end_of_block);
void lb_open_objects(lua_State *L);
// pressure.c
void lb_relieve(lua_State *L, lb_vm *vm);
static inline void lb_check_pressure(lua_State *L, lb_vm *vm) {
  enum { quantum = 4 << 20 };
  if (!vm->host.native_bytes) return;
  long now = *(const volatile long *)vm->host.native_bytes;
  if (now < vm->pressure.seen) vm->pressure.seen = now;
  if (now - vm->pressure.seen > quantum) lb_relieve(L, vm);
}
// stop.c
void lb_arm(lua_State *L);
lb_vm *lb_enter_thread(lb_vm *vm);  // answers the VM that ran on this thread before
lb_vm *lb_vm_of_thread(void);       // the VM that runs on this thread, or NULL
void lb_open_stopping(lua_State *L);
// coroutine.c
void lb_open_coroutines(lua_State *L);
