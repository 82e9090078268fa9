#pragma once

/// What oneDNN calls need besides their operands. All but the engine belongs to the calling thread, so that
/// nothing on the way to a primitive takes a lock.

#include "plan.h"

enum { OD_CACHE_CAPACITY = 1024, OD_CACHE_BUCKETS = 2048 };

typedef struct {
  dnnl_stream_t stream;
  od_plan *buckets[OD_CACHE_BUCKETS];
  od_plan *newest, *oldest;  ///< all plans, by last use
  od_cache_statistics statistics;
  void *scratch;
  size_t scratch_bytes;
  uint64_t scratch_epoch;  ///< grows whenever `scratch` moves
} od_context;

/// The calling thread's context. NULL after an error, which is then recorded.
od_context *od_context_current(void);

/// Makes `scratch` at least this big.
od_status od_context_reserve(od_context *context, size_t bytes);

/// Puts a plan into the cache; the oldest goes where the cache is full.
void od_cache_insert(od_context *context, od_plan *plan);
/// Drops every plan.
void od_cache_clear(od_context *context);

void od_plan_destroy(od_plan *plan);

/// Keeps the calling thread's primitives from taking further threads.
void od_compute_alone(void);
