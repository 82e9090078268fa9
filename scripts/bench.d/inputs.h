#pragma once
// Memory for benches.
#include <stddef.h>

#include "CKernels.h"

/// `bytes` of scrambled memory, aligned to huge pages as the memory that bandwidths are measured on.
void *bench_memory(size_t bytes);

/// `n` times `number`.
float *bench_floats(size_t n, float number);

/// Ends the program unless all is well.
void bench_require(qk_status status);
