// One core: the machine's own limits first, then each integer kernel beside them.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "benches.h"
#include "measure.h"
#include "peak.h"

static FILE *json;
static double peak;

static void *memory(size_t bytes) {
  unsigned char *p = aligned_alloc(QK_ALIGNMENT, (bytes + QK_ALIGNMENT) / QK_ALIGNMENT * QK_ALIGNMENT);
  if (!p) exit(1);
  for (size_t i = 0; i < bytes; i++) p[i] = (unsigned char)(i * 2654435761u >> 13);
  return p;
}

static float *ones(size_t n) {
  float *p = memory(n * sizeof(float));
  for (size_t i = 0; i < n; i++) p[i] = 1e-3f;
  return p;
}

static void require(qk_status status) {
  if (status == QK_OK) return;
  fprintf(stderr, "bench: %s\n", qk_status_message(status));
  exit(1);
}

static const qk_output to_u8 = {.kind = QK_OUTPUT_U8, .zero_point = 128, .lo = 0, .hi = 255};

// ---- convolutions

typedef struct convolution {
  const char *name;
  size_t batch, side, channels, out_channels, kernel, stride, groups;
  void *packed, *scratch;
  uint8_t *x, *y;
} convolution;

static void convolve(void *context) {
  const convolution *c = context;
  qk_conv2d_u8s8(c->packed, c->batch, c->x, &to_u8, c->y, c->scratch);
}

static void bench_convolution(convolution c) {
  size_t pad = c.kernel / 2, height, width, bytes;
  qk_conv2d_shape shape = {.height = c.side,
                           .width = c.side,
                           .channels = c.channels,
                           .out_channels = c.out_channels,
                           .groups = c.groups,
                           .kernel_h = c.kernel,
                           .kernel_w = c.kernel,
                           .stride_h = c.stride,
                           .stride_w = c.stride,
                           .dilation_h = 1,
                           .dilation_w = 1,
                           .pad_top = pad,
                           .pad_left = pad,
                           .pad_bottom = pad,
                           .pad_right = pad};
  require(qk_conv2d_output_size(&shape, &height, &width));
  require(qk_conv2d_u8s8_packed_bytes(qk_isa_active(), &shape, &bytes));
  size_t filter = c.kernel * c.kernel * c.channels / c.groups;
  int8_t *weights = memory(c.out_channels * filter);
  int32_t *bias = memory(c.out_channels * sizeof(int32_t));
  float *multiplier = ones(c.out_channels);
  c.packed = memory(bytes);
  require(qk_conv2d_u8s8_pack(qk_isa_active(), &shape, weights, bias, multiplier, 128, c.packed));
  c.scratch = memory(qk_conv2d_u8s8_scratch_bytes(c.packed));
  c.x = memory(c.batch * c.side * c.side * c.channels);
  c.y = memory(c.batch * height * width * c.out_channels);
  double operations = 2.0 * (double)(c.batch * height * width * c.out_channels * filter);
  bench_report(json, c.name, operations / bench_seconds(convolve, &c) * 1e-9, "GOP/s", peak);
  free(c.packed);
  free(c.scratch);
  free(c.x);
  free(c.y);
  free(weights);
  free(bias);
  free(multiplier);
}

// ---- operations bound by memory

typedef struct stream {
  size_t n;
  float *floats;
  uint8_t *bytes, *result;
} stream;

static const float stream_scale = 0.05f;
static const uint8_t stream_zero_point = 128;

static void quantize(void *context) {
  const stream *s = context;
  qk_quantize_u8(qk_isa_active(), (qk_scale_layout){1, 1, s->n}, s->floats, &stream_scale, &stream_zero_point,
                 s->result);
}

static void dequantize(void *context) {
  const stream *s = context;
  qk_dequantize_u8(qk_isa_active(), (qk_scale_layout){1, 1, s->n}, s->bytes, &stream_scale,
                   &stream_zero_point, s->floats);
}

static void scan(void *context) {
  const stream *s = context;
  qk_minmax_f32(qk_isa_active(), s->n, s->floats);
}

static void count(void *context) {
  const stream *s = context;
  static uint64_t counts[2048];
  qk_histogram_outside outside = {0};
  qk_histogram_f32(qk_isa_active(), s->n, s->floats, -1, 1, 2048, counts, &outside);
}

static void bench_streams(size_t n, const char *size) {
  static const struct {
    const char *name;
    void (*work)(void *);
    double bytes;  // read and written for each element
  } cases[] = {{"quantize f32 to u8", quantize, 5},
               {"dequantize u8 to f32", dequantize, 5},
               {"min-max scan of f32", scan, 4},
               {"histogram of f32, 2048 bins", count, 4}};
  stream s = {n, (float *)ones(n), memory(n), memory(n)};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char name[64];
    snprintf(name, sizeof name, "%s, %s", cases[i].name, size);
    double limit = copy_bandwidth((size_t)(cases[i].bytes * (double)n));
    bench_report(json, name, cases[i].bytes * (double)n / bench_seconds(cases[i].work, &s) * 1e-9, "GB/s",
                 limit);
  }
  free(s.floats);
  free(s.bytes);
  free(s.result);
}

int main(int argc, char **argv) {
  if (argc == 3 && strcmp(argv[1], "--json") == 0) {
    json = fopen(argv[2], "w");
    if (!json) {
      perror(argv[2]);
      return 1;
    }
  } else if (argc > 1) {
    fprintf(stderr, "usage: scripts/bench int8 [--json FILE]\n");
    return 2;
  }
  if (qk_isa_error()) {
    fprintf(stderr, "bench: %s\n", qk_isa_error());
    return 2;
  }
  peak = peak_gops();
  printf(
      "kernels: %s; peak of one core: %.1f GOP/s; copy, 64 KB: %.1f GB/s, 4 MB: %.1f GB/s; read, 1 MB: %.1f "
      "GB/s\n\n",
      qk_isa_name(), peak, copy_bandwidth(64 << 10), copy_bandwidth(4 << 20), read_bandwidth(1 << 20));
  bench_gemm(json, peak);
  static const convolution convolutions[] = {
      {"conv 3x3 3->16 32x32", 1, 32, 3, 16, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 16->16 32x32", 1, 32, 16, 16, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 32->32 16x16", 1, 16, 32, 32, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 64->64 8x8", 1, 8, 64, 64, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 16->32 32x32 stride 2", 1, 32, 16, 32, 3, 2, 1, 0, 0, 0, 0},
      {"conv 3x3 32->64 16x16 stride 2", 1, 16, 32, 64, 3, 2, 1, 0, 0, 0, 0},
      {"pointwise 16->32 32x32 stride 2", 1, 32, 16, 32, 1, 2, 1, 0, 0, 0, 0},
      {"pointwise 32->64 16x16 stride 2", 1, 16, 32, 64, 1, 2, 1, 0, 0, 0, 0},
      {"pointwise 8->16 48x48", 1, 48, 8, 16, 1, 1, 1, 0, 0, 0, 0},
      {"pointwise 32->32 24x24", 1, 24, 32, 32, 1, 1, 1, 0, 0, 0, 0},
      {"pointwise 128->128 6x6", 1, 6, 128, 128, 1, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 3->16 32x32, batch 32", 32, 32, 3, 16, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 16->16 32x32, batch 32", 32, 32, 16, 16, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 32->32 16x16, batch 32", 32, 16, 32, 32, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 64->64 8x8, batch 32", 32, 8, 64, 64, 3, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 16->32 32x32 stride 2, batch 32", 32, 32, 16, 32, 3, 2, 1, 0, 0, 0, 0},
      {"conv 3x3 32->64 16x16 stride 2, batch 32", 32, 16, 32, 64, 3, 2, 1, 0, 0, 0, 0},
      {"pointwise 8->16 48x48, batch 32", 32, 48, 8, 16, 1, 1, 1, 0, 0, 0, 0},
      {"pointwise 32->32 24x24, batch 32", 32, 24, 32, 32, 1, 1, 1, 0, 0, 0, 0},
      {"pointwise 128->128 6x6, batch 32", 32, 6, 128, 128, 1, 1, 1, 0, 0, 0, 0},
      {"conv 3x3 3->8 96x96 stride 2", 1, 96, 3, 8, 3, 2, 1, 0, 0, 0, 0},
      {"conv 5x5 1->6 28x28", 1, 28, 1, 6, 5, 1, 1, 0, 0, 0, 0},
      {"depthwise 3x3 32 channels 24x24", 1, 24, 32, 32, 3, 1, 32, 0, 0, 0, 0},
      {"depthwise 3x3 64 channels 12x12 stride 2", 1, 12, 64, 64, 3, 2, 64, 0, 0, 0, 0},
      {"depthwise 3x3 128 channels 6x6", 1, 6, 128, 128, 3, 1, 128, 0, 0, 0, 0},
      {"depthwise 3x3 8 channels 48x48", 1, 48, 8, 8, 3, 1, 8, 0, 0, 0, 0},
      {"depthwise 3x3 16 channels 48x48 stride 2", 1, 48, 16, 16, 3, 2, 16, 0, 0, 0, 0},
      {"depthwise 5x5 32 channels 24x24", 1, 24, 32, 32, 5, 1, 32, 0, 0, 0, 0},
      {"depthwise 5x5 64 channels 12x12 stride 2", 1, 12, 64, 64, 5, 2, 64, 0, 0, 0, 0},
      {"depthwise 7x7 32 channels 24x24", 1, 24, 32, 32, 7, 1, 32, 0, 0, 0, 0},
  };
  for (size_t i = 0; i < sizeof convolutions / sizeof *convolutions; i++) bench_convolution(convolutions[i]);
  bench_streams(16 << 10, "16 Ki elements");
  bench_streams(4 << 20, "4 Mi elements");
  bench_pools(json);
  bench_elementwise(json);
  bench_lowbit(json, peak);
  bench_sparse(json, peak);
  if (json && fclose(json) != 0) {
    perror(argv[2]);
    return 1;
  }
  return 0;
}
