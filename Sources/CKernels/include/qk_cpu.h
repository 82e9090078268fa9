#pragma once
// Which instruction sets this binary carries, which of them this processor runs, which one is in use.
#include <stddef.h>
#include <stdint.h>

/// One bit for each instruction set beyond the portable one, which needs none. A set of them is a uint32_t.
typedef enum qk_isa : uint32_t {
  QK_PORTABLE = 0,
  QK_AVX2 = 1u << 0,  // AVX2 and FMA
  QK_AVXVNNI = 1u << 1,
  QK_AVX512VNNI = 1u << 2,  // AVX-512 F, BW, DQ, VL and VNNI
  QK_NEON = 1u << 3,        // part of every 64-bit Arm
  QK_NEONDOT = 1u << 4,     // sdot: Armv8.2's dot products of bytes of the same sign
  QK_NEONI8MM = 1u << 5,    // usmmla: Armv8.6's products of small matrices of bytes
  QK_AVX512VBMI = 1u << 6,  // AVX-512 VBMI: permutes bytes across a whole register
} qk_isa;

/// A choice `QSCRIPT_ISA` can name, and the instruction sets it lets kernels use: those the level is named
/// for, and those of its extras that this processor has.
typedef struct qk_isa_level {
  const char *name;
  uint32_t isa;
} qk_isa_level;

/// Every level built into this binary, "portable" first, the most capable last.
const qk_isa_level *qk_isa_levels(size_t *count);

/// The level a value of `QSCRIPT_ISA` asks for; NULL or "" asks for the most capable one this processor runs.
/// Where the name is unknown or the processor lacks it, the portable level, and one line in `error` saying
/// so.
const qk_isa_level *qk_isa_choose(const char *wanted, char *error, size_t error_size);

/// The instruction sets this processor and its operating system can run.
uint32_t qk_cpu(void);

/// The instruction sets kernels use: those of the level the calling thread is held to, else of the most
/// capable level the processor runs, or of the one named by the environment variable `QSCRIPT_ISA`. Read
/// once. Portable where qk_isa_error() is set.
uint32_t qk_isa_active(void);

/// Holds the calling thread to a level, which this processor must be able to run; NULL lets it go. What was
/// packed before keeps its kernels. Returns the level the thread was held to, or NULL.
const qk_isa_level *qk_isa_hold(const qk_isa_level *level);

/// The level the calling thread is held to, or NULL.
const qk_isa_level *qk_isa_held(void);

/// Name of the active level, for example "avx512vnni".
const char *qk_isa_name(void);

/// NULL, or one line saying why `QSCRIPT_ISA` cannot be honoured (unknown name, or this processor lacks it).
const char *qk_isa_error(void);

/// One line of some operation's kernels.inc.
typedef struct qk_kernel_info {
  const char *operation;
  const char *name;
  uint32_t isa;  // what it needs
} qk_kernel_info;

/// The index-th integer kernel built into this binary, list after list, fastest first within each; name is
/// NULL past the last one. It runs here if (isa & ~qk_cpu()) == 0.
qk_kernel_info qk_kernel(size_t index);

/// Multiply-accumulates on bytes, times two, that one core can do in a second with the quickest instruction
/// of `isa` that the kernels use: measured now, in about 2 ms. 0 where this is not known (portable code).
double qk_peak(uint32_t isa);

/// Floating-point operations (two to a multiply-accumulate) in fp32 that one core can do in a second,
/// measured now, in about 2 ms, whatever instruction set the kernels are held to. 0 where this is not known.
double qk_peak_f32(void);
