#include <pthread.h>

#include "paths.h"
#include "qk_cpu.h"

/// Every build with the instruction sets it needs, best last.
static const struct {
  uint32_t isa;
  const qk_f32_path *path;
} builds[] = {
    {QK_PORTABLE, &qk_f32_path__portable},
#if defined(__x86_64__)
    {QK_AVX2, &qk_f32_path__avx2},
    {QK_AVX512VNNI, &qk_f32_path__avx512},
#endif
};
enum { BUILD_COUNT = sizeof builds / sizeof *builds };

static qk_f32_path runnable[BUILD_COUNT];
static size_t runnable_count;
static const qk_f32_path *chosen;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const qk_f32_path *best(uint32_t isa) {
  const qk_f32_path *path = builds[0].path;
  for (size_t i = 0; i < BUILD_COUNT; i++)
    if ((builds[i].isa & ~isa) == 0) path = builds[i].path;
  return path;
}

static void choose(void) {
  for (size_t i = 0; i < BUILD_COUNT; i++)
    if ((builds[i].isa & ~qk_cpu()) == 0) runnable[runnable_count++] = *builds[i].path;
  const qk_isa_level *held = qk_isa_hold(NULL);  // the process's choice, not this thread's
  chosen = best(qk_isa_active());
  qk_isa_hold(held);
}

static const qk_f32_path *path(void) {
  pthread_once(&once, choose);
  return qk_isa_held() ? best(qk_isa_active()) : chosen;
}

size_t qk_f32_paths(const qk_f32_path **paths) {
  path();
  *paths = runnable;
  return runnable_count;
}

#define QK_F32(type, name, parameters, arguments) \
  type qk_f32_##name parameters { return path()->name arguments; }
#include "functions.inc"
