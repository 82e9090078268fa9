#include "paths.h"

#if defined(__x86_64__)
#define QK_F32_ISA avx512
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#include "body.inc"
#pragma clang attribute pop
#endif
