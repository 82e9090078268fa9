#pragma once

// What the builds of body.inc share. Contraction into fused multiply-adds would make them differ.
#include <math.h>
#include <string.h>

#include "qk_f32.h"

#pragma STDC FP_CONTRACT OFF

extern const qk_f32_path qk_f32_path__portable;
#if defined(__x86_64__)
extern const qk_f32_path qk_f32_path__avx2, qk_f32_path__avx512;
#endif
