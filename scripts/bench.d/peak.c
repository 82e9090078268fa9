#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "measure.h"
#include "peak.h"

typedef struct buffers {
  char *from, *to;
  size_t bytes;
} buffers;

static void *filled(size_t bytes) {
  void *memory = aligned_alloc(1 << 21, (bytes + (1 << 21) - 1) >> 21 << 21);
  if (!memory) exit(1);
  return memset(memory, 1, bytes);
}

static void copy(void *context) {
  buffers *b = context;
  memcpy(b->to, b->from, b->bytes);
  __asm__ volatile("" : : "r"(b->to) : "memory");
}

double copy_bandwidth(size_t bytes) {
  buffers b = {filled(bytes / 2), filled(bytes / 2), bytes / 2};
  double seconds = bench_seconds(copy, &b);
  free(b.from);
  free(b.to);
  return (double)bytes / seconds * 1e-9;
}

double peak_gops(void) {
  double best = 0;  // the clock moves: the fastest of several is the limit
  for (int i = 0; i < 20; i++) {
    double rate = qk_peak(qk_cpu()) * 1e-9;
    best = rate > best ? rate : best;
  }
  return best;
}

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vnni")))

TARGET static void read512(void *context) {
  buffers *b = context;
  __m512i sum[4] = {_mm512_setzero_si512()};
  for (size_t i = 0; i < b->bytes; i += 256)
    for (int j = 0; j < 4; j++) sum[j] = _mm512_xor_si512(sum[j], _mm512_load_si512(b->from + i + 64 * j));
  __m512i all = _mm512_xor_si512(_mm512_xor_si512(sum[0], sum[1]), _mm512_xor_si512(sum[2], sum[3]));
  __asm__ volatile("" : : "v"(all));
}

double read_bandwidth(size_t bytes) {
  if (!(qk_cpu() & QK_AVX512VNNI)) return 0;
  buffers b = {filled(bytes), NULL, bytes};
  double seconds = bench_seconds(read512, &b);
  free(b.from);
  return (double)bytes / seconds * 1e-9;
}
#else
double read_bandwidth(size_t bytes) { return bytes * 0.0; }
#endif
