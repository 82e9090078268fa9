#pragma once

/// Plans: created primitives with the memory objects they run on, and the calling thread's cache of them.

#include <stdint.h>

#include "COneDNN.h"
#include "onednn.h"

/// What a plan is looked up by. The first word is the operation, the rest whatever tells two plans apart.
enum { OD_KEY_WORDS = 20 };
typedef struct {
  int64_t words[OD_KEY_WORDS];
} od_key;

/// An operand of a plan: the caller's bytes, and the bytes that the primitive itself reads or writes. They
/// are one where the primitive accepts the caller's layout; otherwise a reorder goes between.
typedef struct {
  dnnl_memory_t user, staged;
  dnnl_primitive_t reorder;
  size_t staged_offset;
  int argument;  ///< DNNL_ARG_...
  bool written;  ///< an output: reordered after the primitive, not before
} od_operand;

enum { OD_MAX_OPERANDS = 4 };
typedef struct od_plan {
  od_key key;
  uint64_t hash;
  struct od_plan *next_in_bucket, *newer, *older;
  dnnl_primitive_t primitive;
  dnnl_memory_t scratchpad;
  size_t scratch_bytes;    ///< of the scratchpad and all staged operands together
  uint64_t scratch_epoch;  ///< the thread's scratch memory that the memory objects point into
  int operand_count;
  od_operand operands[OD_MAX_OPERANDS];
} od_plan;

/// The calling thread's plan for `key`, or NULL where none is kept.
od_plan *od_plan_find(const od_key *key);

/// How the caller's bytes of one operand lie.
typedef struct {
  int argument;
  bool written;
  od_layout_ref user, wanted;  ///< `wanted`: what the primitive asks for
} od_operand_layout;

/// Makes a plan of a primitive descriptor and keeps it under `key`, dropping the one unused longest if the
/// cache is full. NULL after an error, which is then recorded.
od_plan *od_plan_create(const od_key *key, const_dnnl_primitive_desc_t descriptor, int operand_count,
                        const od_operand_layout *operands);

/// Runs a plan on the caller's pointers, in the order of its operands.
od_status od_plan_run(od_plan *plan, void *const *pointers);

/// The type of a factor.
static inline dnnl_data_type_t od_factor_type(od_precision precision) {
  return precision == OD_BF16 ? dnnl_bf16 : dnnl_f32;
}

/// OD_OK, or why this precision cannot be had.
od_status od_precision_check(od_precision precision);

dnnl_engine_t od_engine(void);  ///< NULL after an error, which is then recorded

/// Records what went wrong and returns `status`.
od_status od_fail(od_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));
od_status od_last_status(void);
od_status od_fail_onednn(const char *operation, dnnl_status_t status);
