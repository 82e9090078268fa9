// Host to script: protected calls that answer a status, never a jump.
#include "internal.h"

static void remember(lua_State *L, const char *key) { lua_rawsetp(L, LUA_REGISTRYINDEX, key); }

// Notes the error's text and where it happened, and passes the error itself on untouched.
static int describe_error(lua_State *L) {
  luaL_tolstring(L, 1, NULL);
  remember(L, &lb_key_message);
  luaL_traceback(L, L, NULL, 1);
  remember(L, &lb_key_traceback);
  lua_settop(L, 1);
  return 1;
}

// The text of an error that no handler saw: a syntax error or a lack of memory.
static void describe_plainly(lua_State *L) {
  if (lua_type(L, -1) == LUA_TSTRING)
    lua_pushvalue(L, -1);
  else
    lua_pushboolean(L, 0);
  remember(L, &lb_key_message);
  lua_pushboolean(L, 0);
  remember(L, &lb_key_traceback);
}

static lb_status status_of(lb_vm *vm, int code) {
  if (code == LUA_OK) return LB_OK;
  int stop = atomic_load(&vm->stop);
  if (stop == STOP_EXIT) return LB_EXITED;
  if (stop == STOP_INTERRUPTED) return LB_INTERRUPTED;
  return code == LUA_ERRMEM ? LB_NO_MEMORY : LB_FAILED;
}

lb_status lb_protect(lb_vm *vm, lua_CFunction function, int arguments, void *request, int results) {
  lua_State *L = vm->L;
  if (!lua_checkstack(L, 8)) return LB_NO_MEMORY;
  lua_pushcfunction(L, function);
  lua_insert(L, -arguments - 1);
  lua_pushlightuserdata(L, request);
  vm->host_depth++;
  int code = lua_pcall(L, arguments + 1, results, 0);
  vm->host_depth--;
  if (code == LUA_OK) return LB_OK;
  describe_plainly(L);
  return code == LUA_ERRMEM ? LB_NO_MEMORY : LB_FAILED;
}

// --- entering the interpreter ---

typedef struct {
  const char *text, *chunk;
  size_t count;
  int reference, *loaded;
  const lb_value *arguments;
  int argument_count;
} call_request;

static int call_protected(lua_State *L) {
  const call_request *request = lua_touserdata(L, 1);
  lua_settop(L, 0);
  luaL_checkstack(L, request->argument_count + LUA_MINSTACK, "too many arguments");
  vm_of(L)->host_depth++;  // what the host hands over must not be lost to the memory limit
  lua_rawgeti(L, LUA_REGISTRYINDEX, request->reference);
  for (int i = 0; i < request->argument_count; i++) lb_push(L, &request->arguments[i]);
  vm_of(L)->host_depth--;
  lua_call(L, request->argument_count, LUA_MULTRET);
  return lua_gettop(L);
}

static int load_protected(lua_State *L) {
  const call_request *request = lua_touserdata(L, 1);
  if (luaL_loadbufferx(L, request->text, request->count, request->chunk, "t") != LUA_OK) return lua_error(L);
  *request->loaded = luaL_ref(L, LUA_REGISTRYINDEX);
  return 0;
}

static void leave(lb_vm *vm) {
  if (--vm->entered > 0) return;
  atomic_store(&vm->running, false);
  lb_enter_thread(vm->outer);
  atomic_store(&vm->L, vm->main);
  atomic_store(&vm->stop, STOP_NOT);
  lua_sethook(vm->main, NULL, 0, 0);
}

static void enter(lb_vm *vm) {
  if (vm->entered++ > 0) return;
  vm->thread = pthread_self();
  vm->outer = lb_enter_thread(vm);
  atomic_store(&vm->running, true);
  if (atomic_load(&vm->stop) != STOP_NOT) lb_arm(vm->main);  // asked for before the script began
}

// Calls the function below `arguments` values on the stack. A handler under it describes the error.
static lb_status interpret(lb_vm *vm, int arguments, int *results) {
  lua_State *L = vm->L;
  int handler = lua_gettop(L) - arguments;
  lua_pushcfunction(L, describe_error);
  lua_insert(L, handler);
  int depth = vm->host_depth;
  vm->host_depth = 0;
  enter(vm);
  int code = lua_pcall(L, arguments, LUA_MULTRET, handler);
  lb_status status = status_of(vm, code);
  leave(vm);
  vm->host_depth = depth;
  vm->L = L;
  lua_remove(L, handler);
  if (code == LUA_OK)
    *results = lua_gettop(L) - handler + 1;
  else if (code != LUA_ERRRUN)
    describe_plainly(L);
  return status;
}

static bool ends_too_early(lua_State *L) {
  size_t count;
  const char *message = lua_tolstring(L, -1, &count);
  static const char mark[] = "near <eof>";
  size_t length = sizeof mark - 1;
  return message && count >= length && memcmp(message + count - length, mark, length) == 0;
}

lb_status lb_run(lb_vm *vm, const char *text, size_t count, const char *chunk, const lb_value *arguments,
                 int argument_count, int *results) {
  lua_State *L = vm->L;
  int reference = LUA_NOREF;
  call_request request = {.text = text, .count = count, .chunk = chunk, .loaded = &reference};
  lb_status status = lb_protect(vm, load_protected, 0, &request, 0);
  if (status == LB_FAILED) return ends_too_early(L) ? LB_INCOMPLETE : LB_SYNTAX;
  if (status != LB_OK) return status;
  status = lb_call(vm, reference, arguments, argument_count, results);
  lb_unretain(vm, reference);
  return status;
}

lb_status lb_call(lb_vm *vm, int reference, const lb_value *arguments, int count, int *results) {
  lua_State *L = vm->L;
  if (!lua_checkstack(L, LUA_MINSTACK)) return LB_NO_MEMORY;
  call_request request = {.reference = reference, .arguments = arguments, .argument_count = count};
  lua_pushcfunction(L, call_protected);
  lua_pushlightuserdata(L, &request);
  return interpret(vm, 1, results);
}

// --- afterwards ---

int lb_mark(lb_vm *vm) { return lua_gettop(vm->L); }

void lb_reset(lb_vm *vm, int mark) { lua_settop(vm->L, mark); }

lb_value lb_result(lb_vm *vm, int results, int index) {
  lb_value value;
  lb_read(vm->L, lua_gettop(vm->L) - results + 1 + index, &value);
  return value;
}

lb_failure lb_failed(lb_vm *vm) {
  lua_State *L = vm->L;
  lb_failure failure = {.message = "not enough memory"};
  lb_read(L, lua_gettop(L), &failure.value);
  if (!lua_checkstack(L, 2)) return failure;
  lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_raised);
  failure.from_host = lua_toboolean(L, -1) && lua_rawequal(L, -1, -2);
  lua_pop(L, 1);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_message) == LUA_TSTRING)
    failure.message = lua_tostring(L, -1);
  failure.message_count = lua_type(L, -1) == LUA_TSTRING ? lua_rawlen(L, -1) : strlen(failure.message);
  lua_pop(L, 1);
  if (lua_rawgetp(L, LUA_REGISTRYINDEX, &lb_key_traceback) == LUA_TSTRING)
    failure.traceback = lua_tostring(L, -1);
  lua_pop(L, 1);
  return failure;
}

int lb_exit_code(const lb_vm *vm) { return vm->exit_code; }
