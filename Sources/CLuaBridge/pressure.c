// Driving Lua's collector by the memory it cannot see: a box is 32 bytes to Lua, whatever stands behind it.
//
// Collecting is paced, as Lua paces itself: while the native bytes grow by a budget, the collector is asked
// for enough work to finish a cycle. The budget is half of what survived the last cycle, at least 64 MiB; it
// is stretched where the Lua heap is so big that cycles would take more than a fifth of the time.
#include <time.h>

#include "internal.h"

enum { min_budget = 64 << 20, max_stretch = 8 };

static double seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void finish_cycle(lb_pressure *p, long native, double now) {
  double share = p->spent / (now - p->began + 1e-9);
  if (share > 0.2 && p->stretch < max_stretch) p->stretch *= 2;
  if (share < 0.05 && p->stretch > 1) p->stretch /= 2;
  p->base = native;
  p->spent = 0;
  p->began = now;
}

void lb_relieve(lua_State *L, lb_vm *vm) {
  lb_pressure *p = &vm->pressure;
  const volatile long *native = vm->host.native_bytes;
  if (*native < p->base) p->base = *native;
  double budget = (double)(p->base / 2 > min_budget ? p->base / 2 : min_budget) * p->stretch;
  double growth = (double)(*native - p->seen);
  double start = seconds();
  bool finished;
  if ((double)(*native - p->base) > 2 * budget) {
    lua_gc(L, LUA_GCCOLLECT);
    finished = true;
  } else {
    // A cycle needs the heap's size in allocations to begin, and as much again to be done with; the boxes are
    // freed in its second half, while the next ones pile up.
    double work = 3 * lua_gc(L, LUA_GCCOUNT) * growth / budget;
    finished = lua_gc(L, LUA_GCSTEP, (int)(work < 1e9 ? work : 1e9) + 1);
  }
  double end = seconds();
  p->spent += end - start;
  p->seen = *native;
  if (finished) finish_cycle(p, *native, end);
}
