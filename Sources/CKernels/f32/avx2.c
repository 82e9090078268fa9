#include "paths.h"

#if defined(__x86_64__)
#define QK_F32_ISA avx2
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#include "body.inc"
#pragma clang attribute pop
#endif
