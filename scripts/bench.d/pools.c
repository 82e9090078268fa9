// Pooling at the sizes of small networks, beside the copy bandwidth for as many bytes.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "CKernels.h"
#include "benches.h"
#include "inputs.h"
#include "measure.h"
#include "peak.h"

typedef struct pooling {
  qk_pool2d_shape shape;
  uint8_t *x, *y;
} pooling;

static const qk_average_pool2d_params average = {
    .multiplier = 1, .x_zero_point = 128, .zero_point = 128, .hi = 255};

static void max_pool(void *context) {
  const pooling *p = context;
  qk_max_pool2d_u8(qk_isa_active(), &p->shape, 1, p->x, p->y);
}

static void average_pool(void *context) {
  const pooling *p = context;
  qk_average_pool2d_u8(qk_isa_active(), &p->shape, &average, 1, p->x, p->y);
}

static void global_pool(void *context) {
  const pooling *p = context;
  qk_global_average_pool_u8(qk_isa_active(), 1, p->shape.height * p->shape.width, p->shape.channels, &average,
                            p->x, p->y);
}

static void bench_pool(FILE *json, const char *name, void (*work)(void *), size_t height, size_t width,
                       size_t channels, size_t kernel) {
  const size_t out_height = height / kernel, out_width = width / kernel;
  const size_t read = height * width * channels;
  const size_t written = work == global_pool ? channels : out_height * out_width * channels;
  pooling p = {
      .shape = {.height = height,
                .width = width,
                .channels = channels,
                .out_height = out_height,
                .out_width = out_width,
                .kernel_h = kernel,
                .kernel_w = kernel,
                .stride_h = kernel,
                .stride_w = kernel,
                .dilation_h = 1,
                .dilation_w = 1},
      .x = bench_memory(read),
      .y = bench_memory(written),
  };
  double bytes = (double)(read + written);
  bench_report(json, name, bytes / bench_seconds(work, &p) * 1e-9, "GB/s", copy_bandwidth(read + written));
  free(p.x);
  free(p.y);
}

void bench_pools(FILE *json) {
  bench_pool(json, "max pool 2x2, 28x28x8", max_pool, 28, 28, 8, 2);
  bench_pool(json, "max pool 2x2, 32x32x16", max_pool, 32, 32, 16, 2);
  bench_pool(json, "max pool 2x2, 32x32x64", max_pool, 32, 32, 64, 2);
  bench_pool(json, "average pool 2x2, 28x28x6", average_pool, 28, 28, 6, 2);
  bench_pool(json, "global average pool, 8x8x64", global_pool, 8, 8, 64, 1);
  bench_pool(json, "global average pool, 25x5x64", global_pool, 25, 5, 64, 1);
}
