// Matrix products and convolutions.
#include <math.h>
#include <string.h>

#include "checks.h"
#include "compare.h"

static size_t element_size(const qk_output *output) {
  return output->kind == QK_OUTPUT_U8 || output->kind == QK_OUTPUT_S8 ? 1 : 4;
}

/// What both operations take beside the sizes.
typedef struct operands {
  int8_t *weights;
  int32_t *bias;
  float *multiplier;
  uint8_t zero_point;
  qk_output output;
} operands;

static operands draw_operands(size_t channels, size_t depth) {
  operands o = {
      .weights = place(channels * depth, 1),
      .bias = place(channels * sizeof *o.bias, sizeof *o.bias),
      .multiplier = place(channels * sizeof *o.multiplier, sizeof *o.multiplier),
      .zero_point = (uint8_t)draw(),
      .output = draw_output(),
  };
  draw_bytes(o.weights, channels * depth);
  for (size_t i = 0; i < channels; i++) {
    o.bias[i] = draw() % 4 ? (int32_t)draw_size(0, 80000) - 40000 : (int32_t)draw();
    o.multiplier[i] = draw_scale(1 / (40 * sqrtf((float)depth)));
  }
  return o;
}

static void check_gemm_of(size_t m, size_t n, size_t k) {
  bool is_signed = draw() % 2;
  size_t a_stride = k + draw() % 2 * draw_size(0, 20), y_stride = n + draw() % 2 * draw_size(0, 20);
  begin_case("%s [%zu, %zu] x [%zu, %zu]", is_signed ? "gemm_s8s8" : "gemm_u8s8", m, k, n, k);
  operands o = draw_operands(n, k);
  size_t a_bytes = (m - 1) * a_stride + k;
  uint8_t *a = place(a_bytes, 1);
  draw_bytes(a, a_bytes);
  size_t y_bytes = ((m - 1) * y_stride + n) * element_size(&o.output);
  void *y = place(y_bytes, element_size(&o.output));
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    size_t packed_bytes;
    succeed(qk_gemm_u8s8_packed_bytes(level->isa, n, k, &packed_bytes));
    void *packed = place(packed_bytes, QK_ALIGNMENT);
    clear(packed, packed_bytes);
    clear(y, y_bytes);
    if (is_signed) {
      succeed(
          qk_gemm_s8s8_pack(level->isa, n, k, o.weights, o.bias, o.multiplier, (int8_t)o.zero_point, packed));
      succeed(qk_gemm_s8s8(packed, m, (const int8_t *)a, a_stride, &o.output, y, y_stride));
    } else {
      succeed(qk_gemm_u8s8_pack(level->isa, n, k, o.weights, o.bias, o.multiplier, o.zero_point, packed));
      succeed(qk_gemm_u8s8(packed, m, a, a_stride, &o.output, y, y_stride));
    }
    agree(level, y, y_bytes);
  }
}

void check_gemm(void) {
  for (size_t i = 0; i < 600; i++) check_gemm_of(draw_size(1, 40), draw_size(1, 70), draw_size(1, 70));
  for (size_t i = 0; i < 40; i++) check_gemm_of(draw_size(1, 3), draw_size(1, 70), draw_size(200, 600));
  for (size_t i = 0; i < 20; i++) check_gemm_of(draw_size(100, 250), draw_size(1, 20), draw_size(1, 40));
  for (size_t i = 0; i < 8; i++) check_gemm_of(1, draw_size(1, 9), QK_MAX_DEPTH - draw_size(0, 9));
  finish("gemm");
}

static void check_sparse_of(size_t m, size_t n, size_t k) {
  const qk_sparse_kind kind = (qk_sparse_kind)(draw() % 3);
  const size_t a_stride = k + draw() % 2 * draw_size(0, 20), y_stride = n + draw() % 2 * draw_size(0, 20);
  begin_case("sparse_u8s8 of kind %d [%zu, %zu] x [%zu, %zu]", (int)kind, m, k, n, k);
  operands o = draw_operands(n, k);
  const size_t keeps_one_in = draw_size(1, 40);
  for (size_t i = 0; i < n * k; i++)
    if (draw() % keeps_one_in) o.weights[i] = 0;
  size_t a_bytes = (m - 1) * a_stride + k;
  uint8_t *a = place(a_bytes, 1);
  draw_bytes(a, a_bytes);
  size_t y_bytes = ((m - 1) * y_stride + n) * element_size(&o.output), packed_bytes;
  void *y = place(y_bytes, element_size(&o.output));
  succeed(qk_sparse_u8s8_packed_bytes(kind, n, k, o.weights, &packed_bytes));
  void *packed = place(packed_bytes, QK_ALIGNMENT);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(packed, packed_bytes);
    clear(y, y_bytes);
    succeed(
        qk_sparse_u8s8_pack(level->isa, kind, n, k, o.weights, o.bias, o.multiplier, o.zero_point, packed));
    succeed(qk_sparse_u8s8(packed, m, a, a_stride, &o.output, y, y_stride));
    agree(level, y, y_bytes);
  }
}

void check_sparse(void) {
  for (size_t i = 0; i < 400; i++) check_sparse_of(draw_size(1, 30), draw_size(1, 70), draw_size(1, 150));
  finish("sparse");
}

static qk_conv2d_shape draw_shape(bool is_depthwise) {
  static const size_t channels[] = {1, 2, 3, 4, 5, 8, 12, 16, 24, 35, 64, 70};
  qk_conv2d_shape s = {
      .height = draw_size(1, 14),
      .width = draw_size(1, 14),
      .channels = channels[draw() % 12],
      .out_channels = draw_size(1, 40),
      .groups = 1,
      .kernel_h = draw_size(1, 5),
      .kernel_w = draw_size(1, 5),
      .stride_h = draw_size(1, 3),
      .stride_w = draw_size(1, 3),
      .dilation_h = draw() % 4 ? 1 : 2,
      .dilation_w = draw() % 4 ? 1 : 2,
  };
  if (draw() % 2) s.kernel_h = s.kernel_w = 3, s.stride_h = s.stride_w;
  if (draw() % 2) {
    s.pad_top = draw() % s.kernel_h, s.pad_left = draw() % s.kernel_w;
    s.pad_bottom = draw() % s.kernel_h, s.pad_right = draw() % s.kernel_w;
  }
  if (is_depthwise) {
    s.groups = s.out_channels = s.channels;
  } else if (draw() % 4 == 0) {
    while (s.channels % (s.groups = draw_size(1, s.channels)) != 0) continue;
    s.out_channels = s.groups * draw_size(1, 9);
  }
  return s;
}

static void check_conv2d_of(const qk_conv2d_shape *s) {
  size_t height, width;
  if (qk_conv2d_output_size(s, &height, &width) != QK_OK) return;  // the kernel is larger than the image
  begin_case(
      "conv2d_u8s8 %zux%zux%zu -> %zu, groups %zu, kernel %zux%zu, stride %zux%zu, dilation %zux%zu, "
      "pads %zu %zu %zu %zu",
      s->height, s->width, s->channels, s->out_channels, s->groups, s->kernel_h, s->kernel_w, s->stride_h,
      s->stride_w, s->dilation_h, s->dilation_w, s->pad_top, s->pad_left, s->pad_bottom, s->pad_right);
  operands o = draw_operands(s->out_channels, s->channels / s->groups * s->kernel_h * s->kernel_w);
  size_t batch = draw_size(1, 3), x_bytes = batch * s->height * s->width * s->channels;
  uint8_t *x = place(x_bytes, 1);
  draw_bytes(x, x_bytes);
  size_t y_bytes = batch * height * width * s->out_channels * element_size(&o.output);
  void *y = place(y_bytes, element_size(&o.output));
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    size_t packed_bytes;
    succeed(qk_conv2d_u8s8_packed_bytes(level->isa, s, &packed_bytes));
    void *packed = place(packed_bytes, QK_ALIGNMENT);
    clear(packed, packed_bytes);
    succeed(qk_conv2d_u8s8_pack(level->isa, s, o.weights, o.bias, o.multiplier, o.zero_point, packed));
    size_t scratch_bytes = qk_conv2d_u8s8_scratch_bytes(packed);
    void *scratch = place(scratch_bytes, QK_ALIGNMENT);
    clear(scratch, scratch_bytes);
    clear(y, y_bytes);
    // In two parts, as threads would.
    size_t rows = batch * height, first = rows / 3;
    succeed(qk_conv2d_u8s8_rows(packed, batch, x, &o.output, y, first, rows - first, scratch));
    succeed(qk_conv2d_u8s8_rows(packed, batch, x, &o.output, y, 0, first, scratch));
    agree(level, y, y_bytes);
    clear(y, y_bytes);
    succeed(qk_conv2d_u8s8(packed, batch, x, &o.output, y, scratch));
    agree(level, y, y_bytes);
  }
}

void check_conv2d(void) {
  for (size_t i = 0; i < 500; i++) {
    qk_conv2d_shape shape = draw_shape(false);
    check_conv2d_of(&shape);
  }
  finish("conv2d");
}

void check_depthwise(void) {
  for (size_t i = 0; i < 400; i++) {
    qk_conv2d_shape shape = draw_shape(true);
    check_conv2d_of(&shape);
  }
  finish("depthwise");
}
