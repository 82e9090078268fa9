// Linear layers with weights of few bits: the time of a product, and its share of what bounds it: reading the
// packed weights where there is one row, the core's multiply-adds where there are more.
#include <stdlib.h>

#include "benches.h"
#include "inputs.h"
#include "measure.h"
#include "peak.h"

typedef enum rows_kind { S8_ROWS, S8_GROUPED_ROWS, F32_ROWS } rows_kind;

typedef struct layer {
  size_t m, n, k;
  uint32_t bits;
  size_t group;
  rows_kind kind;
  void *packed, *scratch;
  int8_t *bytes;
  float *floats, *scales, *y;
} layer;

static void multiply(void *context) {
  const layer *l = context;
  switch (l->kind) {
    case S8_ROWS:
      qk_lowbit_s8(l->packed, l->m, l->bytes, l->k, l->scales, NULL, l->y, l->n, l->scratch);
      break;
    case S8_GROUPED_ROWS:
      qk_lowbit_s8_grouped(l->packed, l->m, l->bytes, l->k, l->scales, l->y, l->n, l->scratch);
      break;
    case F32_ROWS:
      qk_lowbit_f32(l->packed, l->m, l->floats, l->k, l->y, l->n, l->scratch);
      break;
  }
}

/// Packs random weights with fp16 scales.
///
/// - Returns: the bytes of the packed form.
static size_t pack(layer *l) {
  size_t bytes, scales = l->n * l->k / l->group;
  uint8_t *codes = bench_memory(l->n * l->k);
  for (size_t i = 0; i < l->n * l->k; i++) codes[i] >>= 8 - l->bits;
  qk_lowbit_weights weights = {.n = l->n,
                               .k = l->k,
                               .group = l->group,
                               .bits = l->bits,
                               .order = QK_CODES_U8,
                               .codes = codes,
                               .scales = bench_floats(scales, 0x1p-10f)};
  bench_require(qk_lowbit_packed_bytes(&weights, &bytes));
  l->packed = bench_memory(bytes);
  bench_require(qk_lowbit_pack(qk_isa_active(), &weights, l->packed));
  free(codes);
  free((void *)weights.scales);
  return bytes;
}

static void bench_layer(FILE *json, double peak, layer l) {
  static const char *const kinds[] = {"s8 rows", "s8 rows scaled by group", "f32 rows"};
  size_t bytes = pack(&l);
  l.scratch = bench_memory(qk_lowbit_scratch_bytes(l.packed));
  l.bytes = bench_memory(l.m * l.k);
  l.floats = bench_floats(l.m * l.k, 0.5f);
  l.scales = bench_floats(l.m * l.k / l.group, 0.01f);
  l.y = bench_memory(l.m * l.n * sizeof(float));
  char name[96];
  snprintf(name, sizeof name, "int%u g%zu %zux%zux%zu, %s", l.bits, l.group, l.m, l.n, l.k, kinds[l.kind]);
  double seconds = bench_seconds(multiply, &l);
  bench_report(json, name, seconds * 1e6, "us", 0);
  if (l.m == 1) {
    bench_report(json, "  its packed weights read", (double)bytes / seconds * 1e-9, "GB/s",
                 read_bandwidth(bytes));
  } else {  // a vector of floats takes part in a quarter of the products that one of bytes does
    double rate = 2.0 * (double)(l.m * l.n * l.k) / seconds * 1e-9;
    bench_report(json, "  its products", rate, "GOP/s", l.kind == F32_ROWS ? peak / 4 : peak);
  }
  free(l.packed);
  free(l.scratch);
  free(l.bytes);
  free(l.floats);
  free(l.scales);
  free(l.y);
}

void bench_lowbit(FILE *json, double peak) {
  static const layer layers[] = {
      {.m = 1, .n = 4096, .k = 4096, .bits = 4, .group = 32, .kind = S8_ROWS},
      {.m = 1, .n = 4096, .k = 4096, .bits = 4, .group = 32, .kind = S8_GROUPED_ROWS},
      {.m = 1, .n = 4096, .k = 4096, .bits = 4, .group = 32, .kind = F32_ROWS},
      {.m = 1, .n = 4096, .k = 4096, .bits = 2, .group = 32, .kind = S8_ROWS},
      {.m = 1, .n = 4096, .k = 4096, .bits = 8, .group = 32, .kind = S8_ROWS},
      {.m = 1, .n = 1024, .k = 1024, .bits = 4, .group = 32, .kind = S8_ROWS},
      {.m = 1, .n = 1024, .k = 1024, .bits = 8, .group = 32, .kind = S8_ROWS},
      {.m = 8, .n = 1024, .k = 1024, .bits = 4, .group = 32, .kind = S8_ROWS},
      {.m = 8, .n = 4096, .k = 4096, .bits = 4, .group = 32, .kind = S8_ROWS},
      {.m = 128, .n = 1024, .k = 1024, .bits = 4, .group = 32, .kind = S8_ROWS},
      {.m = 128, .n = 1024, .k = 1024, .bits = 4, .group = 128, .kind = S8_ROWS},
      {.m = 128, .n = 1024, .k = 1024, .bits = 4, .group = 32, .kind = F32_ROWS},
  };
  for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) bench_layer(json, peak, layers[i]);
}
