// Sparse products beside the dense one: how long each takes, and from how many zeros on it is the quicker.
#include <stdlib.h>

#include "benches.h"
#include "inputs.h"
#include "measure.h"

enum { FORMS = 4, DENSITIES = 3 };

static const char *const form_names[FORMS] = {"dense", "blocks of 16x4", "blocks of 32x4", "scattered"};
static const size_t block_columns[FORMS] = {1, 16, 32, 1};
static const double zero_shares[DENSITIES] = {0, 0.5, 0.9};

typedef struct product {
  size_t m, n, k;
  qk_product_form form;
  void *packed;
  uint8_t *a, *y;
} product;

static void multiply(void *context) {
  static const qk_output to_u8 = {.kind = QK_OUTPUT_U8, .zero_point = 128, .lo = 0, .hi = 255};
  const product *p = context;
  if (p->form == QK_PRODUCT_DENSE)
    qk_gemm_u8s8(p->packed, p->m, p->a, p->k, &to_u8, p->y, p->n);
  else
    qk_sparse_u8s8(p->packed, p->m, p->a, p->k, &to_u8, p->y, p->n);
}

/// Random weights [n, k], whole blocks (or single weights) of them zero.
static int8_t *weights_of(const product *p, double zero_share) {
  size_t width = block_columns[p->form], depth = width > 1 ? 4 : 1, blocks = (p->k + depth - 1) / depth;
  int8_t *weights = bench_memory(p->n * p->k);
  uint8_t *is_zero = malloc(((p->n + width - 1) / width) * blocks);
  uint32_t random = 1;
  for (size_t i = 0; i < ((p->n + width - 1) / width) * blocks; i++) {
    random = random * 1664525 + 1013904223;
    is_zero[i] = (random >> 8) < zero_share * (1 << 24);
  }
  for (size_t n = 0; n < p->n; n++)
    for (size_t k = 0; k < p->k; k++) {
      int8_t *weight = &weights[n * p->k + k];
      *weight = is_zero[n / width * blocks + k / depth] ? 0 : *weight ? *weight : 1;
    }
  free(is_zero);
  return weights;
}

/// Microseconds of the product in its form.
static double time_of(product p, double zero_share) {
  uint32_t isa = qk_isa_active();
  size_t bytes;
  int8_t *weights = weights_of(&p, zero_share);
  float *multiplier = bench_floats(p.n, 1e-4f);
  if (p.form == QK_PRODUCT_DENSE) {
    bench_require(qk_gemm_u8s8_packed_bytes(isa, p.n, p.k, &bytes));
    p.packed = bench_memory(bytes);
    bench_require(qk_gemm_u8s8_pack(isa, p.n, p.k, weights, NULL, multiplier, 128, p.packed));
  } else {
    qk_sparse_kind kind = (qk_sparse_kind)(p.form - QK_PRODUCT_BLOCKS_16);
    bench_require(qk_sparse_u8s8_packed_bytes(kind, p.n, p.k, weights, &bytes));
    p.packed = bench_memory(bytes);
    bench_require(qk_sparse_u8s8_pack(isa, kind, p.n, p.k, weights, NULL, multiplier, 128, p.packed));
  }
  double seconds = bench_seconds(multiply, &p);
  free(p.packed);
  free(weights);
  free(multiplier);
  return seconds * 1e6;
}

/// The share of zeros at which the times, joined by straight lines, fall to that of the dense product.
static double crossover(const double times[DENSITIES], double dense) {
  for (int i = 0; i < DENSITIES; i++) {
    if (times[i] > dense) continue;
    if (i == 0) return 0;
    double part = (times[i - 1] - dense) / (times[i - 1] - times[i]);
    return zero_shares[i - 1] + part * (zero_shares[i] - zero_shares[i - 1]);
  }
  return 1;
}

static void bench_shape(FILE *json, double peak, size_t m, size_t n, size_t k) {
  product p = {.m = m, .n = n, .k = k, .a = bench_memory(m * k), .y = bench_memory(m * n)};
  char name[96];
  double dense = time_of(p, 0), operations = 2.0 * (double)(m * n * k);
  snprintf(name, sizeof name, "product %zux%zux%zu, dense", m, n, k);
  bench_report(json, name, dense, "us", 0);
  bench_report(json, "  its products", operations / dense * 1e-3, "GOP/s", peak);
  for (p.form = QK_PRODUCT_BLOCKS_16; p.form <= QK_PRODUCT_SCATTERED; p.form++) {
    double times[DENSITIES];
    for (int i = 0; i < DENSITIES; i++) times[i] = time_of(p, zero_shares[i]);
    snprintf(name, sizeof name, "  %s, 90 %% zeros", form_names[p.form]);
    bench_report(json, name, times[DENSITIES - 1], "us", 0);
    snprintf(name, sizeof name, "  %s: as quick as dense from", form_names[p.form]);
    bench_report(json, name, 100 * crossover(times, dense), "% zero", 0);
  }
  free(p.a);
  free(p.y);
}

void bench_sparse(FILE *json, double peak) {
  bench_shape(json, peak, 128, 512, 512);
  bench_shape(json, peak, 1, 1024, 1024);
  bench_shape(json, peak, 32, 1024, 1024);
  bench_shape(json, peak, 256, 64, 576);
}
