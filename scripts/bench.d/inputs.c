#include "inputs.h"

#include <stdio.h>
#include <stdlib.h>

void *bench_memory(size_t bytes) {
  const size_t page = 1 << 21;
  unsigned char *p = aligned_alloc(page, (bytes + page) / page * page);
  if (!p) exit(1);
  for (size_t i = 0; i < bytes; i++) p[i] = (unsigned char)(i * 2654435761u >> 13);
  return p;
}

float *bench_floats(size_t n, float number) {
  float *p = bench_memory(n * sizeof *p);
  for (size_t i = 0; i < n; i++) p[i] = number;
  return p;
}

void bench_require(qk_status status) {
  if (status == QK_OK) return;
  fprintf(stderr, "bench: %s\n", qk_status_message(status));
  exit(1);
}
