#pragma once
// Comparing the kernels of every level this processor runs with the portable ones, over random cases.
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"

// ---- random numbers, the same on every machine

uint32_t draw(void);

/// One of least...most.
size_t draw_size(size_t least, size_t most);
float draw_float(float least, float most);

/// Bytes of any value, of the smallest and largest signed and unsigned ones only, or of one such value.
void draw_bytes(void *bytes, size_t count);

/// A scale of a usual size; others are tiny or huge, so that everything saturates or vanishes, or
/// powers of two, so that halves are rounded.
float draw_scale(float usual);

/// Usual numbers; one in four is a bit pattern of any kind: subnormal, infinite, NaN.
void draw_floats(float *numbers, size_t count);

/// Zero point and bounds of a byte output, lo <= hi read as s8 or u8.
void draw_bounds(bool is_signed, uint8_t *zero_point, uint8_t *lo, uint8_t *hi);
qk_output draw_output(void);

// ---- one case

/// Starts a case and says in words what it is. Memory given out for the last one is free again.
__attribute__((format(printf, 1, 2))) void begin_case(const char *description, ...);

/// `bytes` bytes that end just before a page nobody may touch, or begin just after one. Memory for packed
/// weights and scratch has alignment QK_ALIGNMENT.
void *place(size_t bytes, size_t alignment);

/// The levels this processor runs, "portable" first: NULL gives the first, and NULL comes after the last.
const qk_isa_level *next_level(const qk_isa_level *level);

/// Fills an output with the same bytes for every level.
void clear(void *y, size_t bytes);

/// Ends the program unless the status is QK_OK.
void succeed(qk_status status);

/// Keeps what the portable level gave, and ends the program with a message where another level gave anything
/// else.
void agree(const qk_isa_level *level, const void *y, size_t bytes);

/// The same for floats of which some may be NaN: all NaN are alike.
void agree_floats(const qk_isa_level *level, float *y, size_t count);

/// Prints how many cases there were since the last line, and a digest of what the portable level gave: the
/// same on every machine.
void finish(const char *name);
