#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "paths.h"

enum { MAX_PATHS = 3 };
static qk_f32_path runnable[MAX_PATHS];
static size_t runnable_count;
static const qk_f32_path *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void choose(void) {
  runnable[runnable_count++] = qk_f32_path__portable;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) runnable[runnable_count++] = qk_f32_path__avx2;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    runnable[runnable_count++] = qk_f32_path__avx512;
#endif
  const char *wanted = getenv("QSCRIPT_ISA");
  chosen = &runnable[runnable_count - 1];
  for (size_t i = 0; wanted && i < runnable_count; i++)
    if (strcmp(runnable[i].isa, wanted) == 0) chosen = &runnable[i];
}

static const qk_f32_path *path(void) {
  pthread_once(&once, choose);
  return chosen;
}

size_t qk_f32_paths(const qk_f32_path **paths) {
  path();
  *paths = runnable;
  return runnable_count;
}

#define QK_F32(type, name, parameters, arguments) \
  type qk_f32_##name parameters { return path()->name arguments; }
#include "qk_f32.inc"
