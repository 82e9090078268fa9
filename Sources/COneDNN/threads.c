/// oneDNN computes on the thread that calls it: OpenMP's own threads would wait for the next call at full
/// speed, for milliseconds, on a core that somebody else wants. Callers divide work among their threads
/// instead. The function is looked up by name because not every oneDNN is built on OpenMP.

#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // RTLD_DEFAULT
#endif
#include <dlfcn.h>

#include "context.h"

typedef void set_num_threads(int);

void od_compute_alone(void) {
  void *symbol = dlsym(RTLD_DEFAULT, "omp_set_num_threads");
  set_num_threads *set;
  *(void **)&set = symbol;  // POSIX's way from an object pointer to a function pointer
  if (set) set(1);          // OpenMP keeps the count per calling thread
}
