#pragma once
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"
#include "plain/lookup.h"
#include "qk_int8_elementwise.h"

/// y[r, i] = table[x[r, i]].
typedef void (*qk_lookup_u8_fn)(const qk_rows_u8 *rows, const uint8_t table[256]);

/// The fastest kernel `isa` can run.
qk_lookup_u8_fn qk_lookup_u8_kernel(uint32_t isa);
