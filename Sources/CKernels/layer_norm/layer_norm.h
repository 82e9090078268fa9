#pragma once
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "plain/layer_norm.h"
#include "qk_int8_elementwise.h"

/// Vector kernels want |gamma| and |beta| of at most QK_LAYER_NORM_MAX_GAMMA where y is u8: normalized
/// numbers are below sqrt(n) <= 256, so that every result fits in an int32. The portable one takes any.
typedef void (*qk_layer_norm_u8_fn)(const qk_layer_norm_rows *rows);

#define QK_LAYER_NORM_MAX_GAMMA 1048576.0f
