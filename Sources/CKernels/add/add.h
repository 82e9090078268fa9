#pragma once
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "qk_int8_elementwise.h"

/// Vector kernels want multipliers of at most QK_ADD_MAX_MULTIPLIER, which keep every sum within an int32;
/// the portable one takes any.
typedef void (*qk_add_u8_fn)(const qk_add_u8_params *params, size_t n, const uint8_t *a, const uint8_t *b,
                             uint8_t *y);

#define QK_ADD_MAX_MULTIPLIER 1048576.0f
