// Operations number by number and row by row, beside the bandwidth of copying as many bytes.
#include <stdint.h>
#include <stdlib.h>

#include "benches.h"
#include "inputs.h"
#include "measure.h"
#include "peak.h"

/// Rows of bytes and of floats, and where results go.
typedef struct rows {
  size_t count, n;
  uint8_t *bytes, *more, *result;
  float *floats, *scale, *gamma, *beta;
  qk_softmax_u8_table softmax;
} rows;

static void add(void *context) {
  const rows *r = context;
  qk_add_u8_params params = {
      .a_multiplier = 0.5f, .b_multiplier = 0.7f, .zero_point = 100, .lo = 0, .hi = 255};
  qk_add_u8(qk_isa_active(), &params, r->count * r->n, r->bytes, r->more, r->result);
}

static void multiply(void *context) {
  const rows *r = context;
  qk_mul_u8_params params = {.multiplier = 0.01f, .a_zero_point = 128, .zero_point = 100, .lo = 0, .hi = 255};
  qk_mul_u8(qk_isa_active(), &params, r->count * r->n, r->bytes, r->more, r->result);
}

static void look_up(void *context) {
  const rows *r = context;
  qk_lookup_u8(qk_isa_active(), r->count * r->n, r->bytes, r->more, r->result);
}

static void flip_sign(void *context) {
  const rows *r = context;
  qk_flip_sign(qk_isa_active(), r->count * r->n, r->bytes, r->result);
}

/// Two halves of 16 channels each, one of them requantized.
static void concatenate(void *context) {
  const rows *r = context;
  const size_t n = 16, pixels = r->count * r->n / (2 * n);
  const qk_concat_u8_part parts[] = {{r->bytes, n, n, NULL}, {r->more, n, n, r->more}};
  qk_concat_u8(qk_isa_active(), pixels, 2, parts, r->result, 2 * n);
}

static void softmax(void *context) {
  const rows *r = context;
  qk_softmax_u8(qk_isa_active(), &r->softmax, r->count, r->n, r->bytes, r->n, NULL, r->result, r->n);
}

static void normalize(void *context) {
  const rows *r = context;
  qk_layer_norm_u8_params params = {
      .x_scale = 0.05f, .epsilon = 1e-12f, .zero_point = 128, .lo = 0, .hi = 255};
  qk_layer_norm_u8(qk_isa_active(), &params, r->count, r->n, r->gamma, r->beta, r->bytes, r->n, r->result,
                   r->n);
}

static void quantize_rows(void *context) {
  const rows *r = context;
  qk_dynamic_quantize_rows_u8(qk_isa_active(), r->count, r->n, r->floats, r->n, r->result, r->n, r->scale,
                              r->more);
}

typedef struct bench_case {
  const char *name;
  void (*work)(void *);
  size_t count, n;
  double bytes;  // read and written for each element
} bench_case;

static void bench_case_of(FILE *json, const bench_case *c) {
  const size_t n = c->count * c->n;
  rows r = {.count = c->count,
            .n = c->n,
            .bytes = bench_memory(n),
            .more = bench_memory(n),
            .result = bench_memory(n),
            .floats = bench_floats(n, 1.5f),
            .scale = bench_floats(c->count, 0),
            .gamma = bench_floats(c->n, 30),
            .beta = bench_floats(c->n, 0.5f)};
  bench_require(qk_softmax_u8_prepare(0.05f, 0x1p-8f, 0, &r.softmax));
  double limit = copy_bandwidth((size_t)(c->bytes * (double)n));
  bench_report(json, c->name, c->bytes * (double)n / bench_seconds(c->work, &r) * 1e-9, "GB/s", limit);
  free(r.bytes);
  free(r.more);
  free(r.result);
  free(r.floats);
  free(r.scale);
  free(r.gamma);
  free(r.beta);
}

void bench_elementwise(FILE *json) {
  static const bench_case cases[] = {
      {"add u8, 16 Ki elements", add, 1, 16 << 10, 3},
      {"add u8, 4 Mi elements", add, 1, 4 << 20, 3},
      {"mul u8, 16 Ki elements", multiply, 1, 16 << 10, 3},
      {"mul u8, 4 Mi elements", multiply, 1, 4 << 20, 3},
      {"lookup u8, 16 Ki elements", look_up, 1, 16 << 10, 2},
      {"lookup u8, 4 Mi elements", look_up, 1, 4 << 20, 2},
      {"flip sign, 16 Ki elements", flip_sign, 1, 16 << 10, 2},
      {"concat 16 + 16 channels requantized, 32x32", concatenate, 1, 32 << 10, 2},
      {"softmax u8, 12 x 128 rows of 128", softmax, 12 * 128, 128, 2},
      {"softmax u8, 128 rows of 1024", softmax, 128, 1024, 2},
      {"layer norm u8, 128 rows of 384", normalize, 128, 384, 2},
      {"quantize 128 rows of 384 dynamically", quantize_rows, 128, 384, 5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) bench_case_of(json, &cases[i]);
}
