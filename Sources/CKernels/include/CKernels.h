#pragma once
// Integer and float kernels in C. Every instruction-set path of a kernel gives the bits of its portable path
// (fp32 convolutions, which have one path, aside).
#include "plain/plain.h"
#include "qk_cpu.h"
#include "qk_f32.h"
#include "qk_f32_conv2d.h"
#include "qk_f32_winograd.h"
#include "qk_int8.h"
#include "qk_int8_elementwise.h"
#include "qk_lowbit.h"
#include "qk_sparse.h"
