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

static _Atomic int32_t wanted_threads;
static _Atomic int32_t wanted_epoch;

static set_num_threads *find_omp_set_num_threads(void) {
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  set_num_threads *function;
  *(void **)&function = symbol;  // POSIX's way from an object pointer to a function pointer
  return function;
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
  if (context->threads_epoch == epoch) return;
  context->threads_epoch = epoch;
  find_omp_set_num_threads()(atomic_load(&wanted_threads));
  od_cache_clear(context);  // primitives and their scratchpads are laid out for one thread count
}
