#include "context.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static dnnl_engine_t engine;
static dnnl_status_t engine_status;
static pthread_key_t context_key;

static void destroy_context(void *value) {
  od_context *context = value;
  od_cache_clear(context);
  dnnl_stream_destroy(context->stream);
  free(context->scratch);
  free(context);
}

static void start(void) {
  engine_status = dnnl_engine_create(&engine, dnnl_cpu, 0);
  if (engine_status == dnnl_success && pthread_key_create(&context_key, destroy_context) != 0)
    engine_status = dnnl_out_of_memory;
}

dnnl_engine_t od_engine(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, start);
  if (engine_status == dnnl_success) return engine;
  od_fail_onednn("creating the CPU engine", engine_status);
  return NULL;
}

static od_context *create_context(void) {
  if (!od_engine()) return NULL;
  od_context *context = calloc(1, sizeof *context);
  if (!context) {
    od_fail(OD_OUT_OF_MEMORY, "no memory for oneDNN's context");
    return NULL;
  }
  dnnl_status_t status = dnnl_stream_create(&context->stream, engine, dnnl_stream_default_flags);
  if (status != dnnl_success) {
    free(context);
    od_fail_onednn("creating a stream", status);
    return NULL;
  }
  pthread_setspecific(context_key, context);
  od_compute_alone();
  return context;
}

od_context *od_context_current(void) {
  static _Thread_local od_context *current;
  if (!current) current = create_context();
  return current;
}

bool od_has_bf16(void) {
  return (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

od_status od_precision_check(od_precision precision) {
  if (precision == OD_F32 || (precision == OD_BF16 && od_has_bf16())) return OD_OK;
  return od_fail(OD_UNSUPPORTED, "this processor has no bf16 arithmetic (AVX512_BF16)");
}

od_status od_context_reserve(od_context *context, size_t bytes) {
  if (bytes <= context->scratch_bytes) return OD_OK;
  void *grown = NULL;
  if (posix_memalign(&grown, 64, bytes) != 0)
    return od_fail(OD_OUT_OF_MEMORY, "no memory for %zu bytes of scratch", bytes);
  free(context->scratch);
  context->scratch = grown;
  context->scratch_bytes = bytes;
  context->scratch_epoch++;
  return OD_OK;
}

od_cache_statistics od_cache(void) {
  od_context *context = od_context_current();
  return context ? context->statistics : (od_cache_statistics){0, 0, 0};
}

void od_clear_cache(void) {
  od_context *context = od_context_current();
  if (!context) return;
  od_cache_clear(context);
  free(context->scratch);
  context->scratch = NULL;
  context->scratch_bytes = 0;
}
