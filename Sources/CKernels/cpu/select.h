#pragma once
// Choosing a line of a kernels.inc. Every kernel record starts with the instruction sets it needs.
#include "qk_cpu.h"

/// First entry of `table`, which is sorted fastest first and ends with one that needs nothing, that `set` can
/// run.
#define QK_FIRST_RUNNABLE(table, set)          \
  ({                                           \
    size_t line = 0;                           \
    while ((table)[line].isa & ~(set)) line++; \
    &(table)[line];                            \
  })
