#pragma once
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "qk_int8_elementwise.h"

/// Multipliers are at most QK_MUL_MAX_MULTIPLIER here.
typedef void (*qk_mul_u8_fn)(const qk_mul_u8_params *params, size_t n, const uint8_t *a, const uint8_t *b,
                             uint8_t *y);

/// From here on any product but 0 saturates, so that larger multipliers give the same. No number a kernel
/// rounds is larger than 65,025 times this, which fits in an int32.
#define QK_MUL_MAX_MULTIPLIER 32768.0f
