/// OpenMP keeps its thread count per calling thread, so a count set once for the process is taken over by
/// each thread at its next call. The function is looked up by name because not every oneDNN is built on
/// OpenMP.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // RTLD_DEFAULT
#endif
#include <dlfcn.h>
#include <stdatomic.h>

#include "context.h"

typedef void set_num_threads(int);
typedef int get_max_threads(void);

/// Multiply-accumulates that keep a thread busy for about 20 us: with less, waking it costs more than it
/// saves, and much more where other programs want the core.
static const double macs_per_thread = 2e6;

static _Atomic int32_t wanted_threads;  // 0: as many as OpenMP would take
static _Atomic int32_t wanted_epoch;

static set_num_threads *find_omp_set_num_threads(void) {
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  set_num_threads *function;
  *(void **)&function = symbol;  // POSIX's way from an object pointer to a function pointer
  return function;
}

static int32_t default_threads(void) {
  void *symbol = dlsym(RTLD_DEFAULT, "omp_get_max_threads");
  if (!symbol) return 1;  // not on OpenMP: left alone
  get_max_threads *function;
  *(void **)&function = symbol;
  return function();
}

od_status od_set_threads(int32_t count) {
  if (count < 1) return od_fail(OD_INVALID, "the thread count must be positive (got %d)", count);
  if (!find_omp_set_num_threads())
    return od_fail(OD_UNSUPPORTED, "this build of oneDNN is not on OpenMP and chooses its threads itself");
  atomic_store(&wanted_threads, count);
  atomic_fetch_add(&wanted_epoch, 1);
  return OD_OK;
}

void od_threads_refresh(od_context *context) {
  int32_t epoch = atomic_load_explicit(&wanted_epoch, memory_order_acquire);
  if (context->most_threads != 0 && context->threads_epoch == epoch) return;
  if (context->most_threads == 0) context->most_threads = context->threads = default_threads();
  context->threads_epoch = epoch;
  int32_t wanted = atomic_load(&wanted_threads);
  if (wanted == 0) return;
  context->most_threads = wanted;
  context->threads = 0;     // set again before the next primitive
  od_cache_clear(context);  // primitives and their scratchpads are laid out for one thread count
}

void od_threads_for(od_context *context, double macs) {
  if (context->most_threads <= 1 && context->threads == context->most_threads) return;
  double share = macs / macs_per_thread;
  int32_t threads = share >= context->most_threads ? context->most_threads : share < 1 ? 1 : (int32_t)share;
  if (threads == context->threads) return;
  context->threads = threads;
  set_num_threads *set = find_omp_set_num_threads();
  if (set) set(threads);
}
