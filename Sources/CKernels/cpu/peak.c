// The most multiply-accumulates one core can do, on bytes and on floats, measured: what kernels are compared
// with.
#include <time.h>

#include "qk_cpu.h"

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#include <immintrin.h>

enum { ROUNDS = 4000, TRIES = 12 };

// Independent sums hide the latency of the products; the instructions are written out so that no compiler
// merges them.
#define TEN(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)
#define DECLARE_512(i) __m512i sum##i = _mm512_setzero_si512();
#define DECLARE_256(i) __m256i sum##i = _mm256_setzero_si256();
#define DPBUSD_512(i) __asm__ volatile("vpdpbusd %1, %2, %0" : "+v"(sum##i) : "v"(a), "v"(b));
#define DPBUSD_256(i) __asm__ volatile("%{vex%} vpdpbusd %1, %2, %0" : "+x"(sum##i) : "x"(a), "x"(b));
#define MADDWD_256(i)                                         \
  __asm__ volatile("vpmaddwd %2, %3, %1\n\tvpaddd %1, %0, %0" \
                   : "+x"(sum##i), "=&x"(product)             \
                   : "x"(a), "x"(b));

#define DECLARE_512_FLOATS(i) __m512 sum##i = _mm512_setzero_ps();
#define DECLARE_256_FLOATS(i) __m256 sum##i = _mm256_setzero_ps();
#define FMADD(i) __asm__ volatile("vfmadd231ps %1, %2, %0" : "+v"(sum##i) : "v"(a), "v"(b));

__attribute__((target("avx512f,avx512vnni"))) static void avx512vnni(void) {
  __m512i a = _mm512_setzero_si512(), b = a;
  TEN(DECLARE_512)
  for (int n = 0; n < ROUNDS; n++) {
    TEN(DPBUSD_512)
  }
}

__attribute__((target("avx2,avxvnni"))) static void avxvnni(void) {
  __m256i a = _mm256_setzero_si256(), b = a;
  TEN(DECLARE_256)
  for (int n = 0; n < ROUNDS; n++) {
    TEN(DPBUSD_256)
  }
}

__attribute__((target("avx2"))) static void avx2(void) {
  __m256i a = _mm256_setzero_si256(), b = a, product;
  TEN(DECLARE_256)
  for (int n = 0; n < ROUNDS; n++) {
    TEN(MADDWD_256)
  }
}

__attribute__((target("avx512f"))) static void avx512_floats(void) {
  __m512 a = _mm512_setzero_ps(), b = a;
  TEN(DECLARE_512_FLOATS)
  for (int n = 0; n < ROUNDS; n++) {
    TEN(FMADD)
  }
}

__attribute__((target("avx2,fma"))) static void avx2_floats(void) {
  __m256 a = _mm256_setzero_ps(), b = a;
  TEN(DECLARE_256_FLOATS)
  for (int n = 0; n < ROUNDS; n++) {
    TEN(FMADD)
  }
}

/// The best of several runs of ROUNDS times ten instructions of so many multiply-accumulates.
static double best_rate(void (*products)(void), double macs) {
  double best = 0;
  for (int i = 0; i < TRIES; i++) {
    double started = now();
    products();
    double rate = ROUNDS * 10.0 * macs * 2 / (now() - started);
    best = rate > best ? rate : best;
  }
  return best;
}

double qk_peak_f32(void) {
  if (qk_cpu() & QK_AVX512VNNI) return best_rate(avx512_floats, 16);
  return qk_cpu() & QK_AVX2 ? best_rate(avx2_floats, 8) : 0;
}

double qk_peak(uint32_t isa) {
  void (*products)(void) = avx2;
  double macs = 16;
  if (isa & QK_AVX512VNNI) {
    products = avx512vnni;
    macs = 64;
  } else if (isa & QK_AVXVNNI) {
    products = avxvnni;
    macs = 32;
  } else if (!(isa & QK_AVX2)) {
    return 0;
  }
  return best_rate(products, macs);
}
#else
double qk_peak(uint32_t isa) {
  (void)isa;
  (void)now;
  return 0;
}

double qk_peak_f32(void) { return 0; }
#endif
