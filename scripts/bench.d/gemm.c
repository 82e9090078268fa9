// Matrix products: their share of the core's multiply-adds, or of reading the packed weights where there is
// one row.
#include <stdlib.h>

#include "benches.h"
#include "inputs.h"
#include "measure.h"
#include "peak.h"

static const qk_output to_u8 = {.kind = QK_OUTPUT_U8, .zero_point = 128, .lo = 0, .hi = 255};

typedef struct product {
  const char *name;
  size_t m, n, k;
  void *packed;
  uint8_t *a, *y;
} product;

static void multiply_u8(void *context) {
  const product *p = context;
  qk_gemm_u8s8(p->packed, p->m, p->a, p->k, &to_u8, p->y, p->n);
}

static void multiply_s8(void *context) {
  const product *p = context;
  qk_gemm_s8s8(p->packed, p->m, (const int8_t *)p->a, p->k, &to_u8, p->y, p->n);
}

static void bench_product(FILE *json, double peak, product p, bool is_signed) {
  const uint32_t isa = qk_isa_active();
  size_t bytes;
  bench_require(qk_gemm_u8s8_packed_bytes(isa, p.n, p.k, &bytes));
  p.packed = bench_memory(bytes);
  p.a = bench_memory(p.m * p.k);
  p.y = bench_memory(p.m * p.n);
  int8_t *weights = bench_memory(p.n * p.k);
  int32_t *bias = bench_memory(p.n * sizeof(int32_t));
  float *multiplier = bench_floats(p.n, 1e-3f);
  bench_require(is_signed ? qk_gemm_s8s8_pack(isa, p.n, p.k, weights, bias, multiplier, 0, p.packed)
                          : qk_gemm_u8s8_pack(isa, p.n, p.k, weights, bias, multiplier, 128, p.packed));
  char name[64];
  snprintf(name, sizeof name, "%s%s", p.name, is_signed ? ", s8 by s8" : "");
  double seconds = bench_seconds(is_signed ? multiply_s8 : multiply_u8, &p);
  bench_report(json, name, 2e-9 * (double)(p.m * p.n * p.k) / seconds, "GOP/s", peak);
  if (p.m == 1)
    bench_report(json, "  its packed weights read", (double)bytes / seconds * 1e-9, "GB/s",
                 read_bandwidth(bytes));
  free(p.packed);
  free(p.a);
  free(p.y);
  free(weights);
  free(bias);
  free(multiplier);
}

// ---- attention: both operands come at run time, those of all heads side by side

enum { TOKENS = 128, HEADS = 12, HEAD = 32, LAYERS = 6, WIDTH = HEADS * HEAD };

typedef struct attention {
  uint8_t *q, *k, *v;  // [TOKENS, WIDTH]
  uint8_t *scores;     // [TOKENS, TOKENS]
  uint8_t *y;          // [TOKENS, WIDTH]
  void *packed;
} attention;

static void multiply_heads(void *context) {
  const attention *t = context;
  const uint32_t isa = qk_isa_active();
  for (size_t first = 0; first < WIDTH; first += HEAD) {
    qk_gemm_u8s8_pack_operand(isa, TOKENS, HEAD, t->k + first, WIDTH, false, 1e-3f, 128, t->packed);
    qk_gemm_u8s8(t->packed, TOKENS, t->q + first, WIDTH, &to_u8, t->scores, TOKENS);
    qk_gemm_u8s8_pack_operand(isa, HEAD, TOKENS, t->v + first, WIDTH, true, 1e-3f, 0, t->packed);
    qk_gemm_u8s8(t->packed, TOKENS, t->scores, TOKENS, &to_u8, t->y + first, WIDTH);
  }
}

static void bench_attention(FILE *json) {
  size_t score_bytes, value_bytes;
  bench_require(qk_gemm_u8s8_packed_bytes(qk_isa_active(), TOKENS, HEAD, &score_bytes));
  bench_require(qk_gemm_u8s8_packed_bytes(qk_isa_active(), HEAD, TOKENS, &value_bytes));
  attention t = {.q = bench_memory(TOKENS * WIDTH),
                 .k = bench_memory(TOKENS * WIDTH),
                 .v = bench_memory(TOKENS * WIDTH),
                 .scores = bench_memory(TOKENS * TOKENS),
                 .y = bench_memory(TOKENS * WIDTH),
                 .packed = bench_memory(score_bytes > value_bytes ? score_bytes : value_bytes)};
  bench_report(json, "attention products, 6 layers of 12 heads",
               LAYERS * bench_seconds(multiply_heads, &t) * 1e6, "us", 0);
  free(t.q);
  free(t.k);
  free(t.v);
  free(t.scores);
  free(t.y);
  free(t.packed);
}

void bench_gemm(FILE *json, double peak) {
  static const product products[] = {
      {"matmul 128x128x128", 128, 128, 128, 0, 0, 0},
      {"matmul 256x256x256", 256, 256, 256, 0, 0, 0},
      {"matmul 512x512x512", 512, 512, 512, 0, 0, 0},
      {"matmul 1024x1024x1024", 1024, 1024, 1024, 0, 0, 0},
      {"matmul 256x64x576", 256, 64, 576, 0, 0, 0},
      {"matmul 1024x16x144", 1024, 16, 144, 0, 0, 0},
      {"matmul 128x300x784", 128, 300, 784, 0, 0, 0},
      {"matrix-vector 1x1024x1024", 1, 1024, 1024, 0, 0, 0},
      {"matrix-vector 1x512x512", 1, 512, 512, 0, 0, 0},
      {"matmul 4x1024x1024", 4, 1024, 1024, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof products / sizeof *products; i++)
    bench_product(json, peak, products[i], false);
  bench_product(json, peak, products[1], true);
  bench_attention(json);
}
