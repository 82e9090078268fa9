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

#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vnni")))
enum { ROUNDS = 20000 };

/// 16 independent sums hide the latency of the products.
TARGET static void products(void *context) {
  (void)context;
  __m512i a = _mm512_set1_epi8(1), b = _mm512_set1_epi8(2);
#define SIXTEEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define DECLARE(i) __m512i sum##i = _mm512_setzero_si512();
#define PRODUCT(i) __asm__ volatile("vpdpbusd %1, %2, %0" : "+v"(sum##i) : "v"(a), "v"(b));
  SIXTEEN(DECLARE)
  for (int n = 0; n < ROUNDS; n++) {
    SIXTEEN(PRODUCT)
  }
}

double peak_gops(void) {
  if (!(qk_cpu() & QK_AVX512VNNI)) return 0;
  double best = 0;  // the clock moves: the fastest of several medians is the limit
  for (int i = 0; i < 5; i++) {
    double rate = ROUNDS * 16.0 * 64 * 2 / bench_seconds(products, NULL) * 1e-9;
    best = rate > best ? rate : best;
  }
  return best;
}

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
double peak_gops(void) { return 0; }
double read_bandwidth(size_t bytes) { return bytes * 0.0; }
#endif
