// Stopping a script from outside: an interrupt, or os.exit from within.
//
// A count hook that is always there would double the time of a pure-Lua loop (Lua then traces every
// instruction), so there is none until it is needed. The hook is set on the state that is running, by the
// thread that runs it: at once where the request comes from that thread (a signal handler, usually), and
// through a private signal where it comes from another one. lua_sethook may be called from a signal handler
// (manual, section 4.7; lua.c does so); coroutine.c keeps `vm->L` true, so that it reaches coroutines too.
//
// From then on every instruction raises until the run ends, so that no pcall holds the script.
#include <signal.h>

#include "internal.h"

static const int private_signal = SIGURG;  // ignored by default, so a stray one does no harm

static _Thread_local lb_vm *vm_of_thread;
static _Atomic(lb_vm *) vm_of_signals;

static void on_instruction(lua_State *L, lua_Debug *ar) {
  (void)ar;
  if (atomic_load(&vm_of(L)->stop) == STOP_NOT) {  // left over from an earlier run
    lua_sethook(L, NULL, 0, 0);
    return;
  }
  lua_pushliteral(L, "interrupted");
  lua_error(L);
}

void lb_arm(lua_State *L) { lua_sethook(L, on_instruction, LUA_MASKCOUNT, 1); }

static void on_private_signal(int signal) {
  (void)signal;
  lb_vm *vm = vm_of_thread;
  if (vm && atomic_load(&vm->stop) != STOP_NOT) lb_arm(vm->L);
}

void lb_interrupt(lb_vm *vm) {
  int none = STOP_NOT;
  atomic_compare_exchange_strong(&vm->stop, &none, STOP_INTERRUPTED);
  if (!atomic_load(&vm->running)) return;
  if (pthread_equal(vm->thread, pthread_self()))
    lb_arm(vm->L);
  else
    pthread_kill(vm->thread, private_signal);
}

bool lb_stopping(const lb_vm *vm) { return atomic_load(&vm->stop) != STOP_NOT; }

void lb_clear_interrupt(lb_vm *vm) { atomic_store(&vm->stop, STOP_NOT); }

// Threads of a pool block all signals, and hand that on to the threads they start.
static void receive_private_signal(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, private_signal);
  pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

lb_vm *lb_enter_thread(lb_vm *vm) {
  if (vm) receive_private_signal();
  lb_vm *outer = vm_of_thread;
  vm_of_thread = vm;
  return outer;
}

lb_vm *lb_vm_of_thread(void) { return vm_of_thread; }

static void on_user_signal(int signal) {
  (void)signal;
  lb_vm *vm = atomic_load(&vm_of_signals);
  if (vm) lb_interrupt(vm);
}

void lb_interrupt_on(lb_vm *vm, int signal) {
  if (signal == 0) {
    lb_vm *expected = vm;
    atomic_compare_exchange_strong(&vm_of_signals, &expected, NULL);
    return;
  }
  atomic_store(&vm_of_signals, vm);
  struct sigaction action = {.sa_handler = on_user_signal, .sa_flags = (int)SA_RESETHAND};
  sigaction(signal, &action, NULL);
}

static void install_private_signal(void) {
  struct sigaction action = {.sa_handler = on_private_signal, .sa_flags = SA_RESTART};
  sigaction(private_signal, &action, NULL);
}

// os.exit must let the host finish its work (run logs, terminals), so it unwinds instead of leaving at once.
static int exit_script(lua_State *L) {
  lb_vm *vm = vm_of(L);
  bool is_flag = lua_isnoneornil(L, 1) || lua_isboolean(L, 1);
  int code = is_flag ? (lua_isboolean(L, 1) && !lua_toboolean(L, 1)) : (int)luaL_checkinteger(L, 1);
  vm->exit_code = code;
  atomic_store(&vm->stop, STOP_EXIT);
  lb_arm(L);
  lua_pushliteral(L, "exit");
  return lua_error(L);
}

void lb_open_stopping(lua_State *L) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, install_private_signal);
  lua_getglobal(L, "os");
  lua_pushcfunction(L, exit_script);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}
