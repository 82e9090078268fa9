// Opening and closing a VM, and its allocator.
#include "internal.h"

const char lb_key_raised, lb_key_message, lb_key_traceback;

// Refuses only while the interpreter itself runs, so that no memory error can fly over a host frame.
static void *allocate(void *self, void *block, size_t old_size, size_t new_size) {
  lb_vm *vm = self;
  size_t old = block ? old_size : 0;  // without a block, old_size is a type code
  if (new_size == 0) {
    if (old && old == vm->box_size) lb_release_freed(vm, (char *)block + old);
    free(block);
    vm->used -= old;
    return NULL;
  }
  bool over = vm->limit && vm->host_depth == 0 && new_size > old && vm->used - old + new_size > vm->limit;
  if (over) return NULL;
  void *fresh = block ? realloc(block, new_size) : malloc(new_size);
  if (fresh) vm->used += new_size - old;
  return fresh;
}

static int open_libraries(lua_State *L) {
  luaL_openlibs(L);
  const char *const slots[] = {&lb_key_raised, &lb_key_message, &lb_key_traceback};
  for (int i = 0; i < 3; i++) {  // so that noting an error later needs no memory
    lua_pushboolean(L, 0);
    lua_rawsetp(L, LUA_REGISTRYINDEX, slots[i]);
  }
  // A cycle when the heap has grown by a quarter, not to twice its size: what small boxes stand for is
  // several times their size, and memory that is used again soon is still in the caches.
  lua_gc(L, LUA_GCINC, 125, 0, 0);
  lb_open_objects(L);
  lb_open_coroutines(L);
  lb_open_stopping(L);
  return 0;
}

lb_vm *lb_open(lb_host host) {
  lb_vm *vm = calloc(1, sizeof *vm);
  if (!vm) return NULL;
  vm->host = host;
  vm->host_depth = 1;  // setting up is host work: the limit counts only while a script runs
  vm->pressure.stretch = 1;
  vm->main = lua_newstate(allocate, vm);
  if (!vm->main) {
    free(vm);
    return NULL;
  }
  *(lb_vm **)lua_getextraspace(vm->main) = vm;  // Lua copies it to every coroutine
  atomic_store(&vm->L, vm->main);
  if (lb_protect(vm, open_libraries, 0, NULL, 0) != LB_OK) {
    lb_close(vm);
    return NULL;
  }
  return vm;
}

void lb_limit_memory(lb_vm *vm, size_t limit) { vm->limit = limit; }

void lb_close(lb_vm *vm) {
  lb_interrupt_on(vm, 0);
  lua_close(vm->main);
  free(vm->types);
  free(vm);
}

size_t lb_memory_used(const lb_vm *vm) { return vm->used; }

void lb_collect(lb_vm *vm) { lua_gc(vm->L, LUA_GCCOLLECT); }

const char *lb_lua_release(void) { return LUA_RELEASE; }
