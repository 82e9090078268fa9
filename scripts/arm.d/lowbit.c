// Weights of few bits.
#include <string.h>

#include "checks.h"
#include "compare.h"

static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

/// `count` codes of `bits` bits, one a byte.
static void *draw_codes(size_t count, uint32_t bits, qk_code_order order) {
  uint8_t *codes = place(count, 1);
  draw_bytes(codes, count);
  for (size_t i = 0; i < count; i++) {
    codes[i] &= (uint8_t)((1u << bits) - 1);
    if (order == QK_CODES_S8) codes[i] = (uint8_t)(codes[i] - (1u << (bits - 1)));
  }
  return codes;
}

static void *draw_packed_codes(size_t bytes) {
  void *codes = place(bytes, 1);
  draw_bytes(codes, bytes);
  return codes;
}

static qk_lowbit_weights draw_weights(void) {
  static const uint32_t bits[] = {2, 4, 4, 8};
  static const size_t groups_of[] = {16, 32, 64, 128};
  qk_lowbit_weights w = {.n = draw_size(1, 70), .k = draw_size(1, 300), .group = groups_of[draw() % 4]};
  w.bits = bits[draw() % 4];
  w.order = (qk_code_order)(draw() % 3);
  const size_t groups = divide_up(w.k, w.group);
  begin_case("lowbit of %u bits [%zu, %zu], group %zu, order %d", w.bits, w.n, w.k, w.group, (int)w.order);
  if (w.order == QK_CODES_NBITS) {
    w.codes = draw_packed_codes(w.n * groups * (w.group * w.bits / 8));
    if (draw() % 2) w.zero_points = draw_packed_codes(w.n * divide_up(groups * w.bits, 8));
  } else {
    w.codes = draw_codes(w.n * w.k, w.bits, w.order);
    if (draw() % 2) w.zero_points = draw_codes(w.n * groups, w.bits, w.order);
  }
  float *scales = place(w.n * groups * sizeof *scales, sizeof *scales);
  float *bias = place(w.n * sizeof *bias, sizeof *bias);
  for (size_t i = 0; i < w.n * groups; i++) scales[i] = draw_float(-0.1f, 0.1f);
  if (draw() % 2) qk_round_f16(w.n * groups, scales, scales);
  for (size_t i = 0; i < w.n; i++) bias[i] = draw_float(-10, 10);
  w.scales = scales;
  if (draw() % 2) w.bias = bias;
  return w;
}

/// What the three products take beside the weights.
typedef struct rows {
  size_t m, x_stride, y_stride;
  const float *f32;
  const int8_t *s8, *zero_points;
  const float *scales;  // of rows, or of groups of rows
} rows;

static rows draw_rows(const qk_lowbit_weights *w) {
  const size_t groups = divide_up(w->k, w->group);
  rows r = {.m = draw_size(1, 14), .x_stride = w->k + draw() % 2 * 3, .y_stride = w->n + draw() % 2 * 5};
  const size_t x_count = (r.m - 1) * r.x_stride + w->k;
  float *f32 = place(x_count * sizeof *f32, sizeof *f32);
  float *scales = place(r.m * groups * sizeof *scales, sizeof *scales);
  int8_t *s8 = place(x_count, 1), *zero_points = place(r.m, 1);
  draw_floats(f32, x_count);
  draw_bytes(s8, x_count);
  draw_bytes(zero_points, r.m);
  for (size_t i = 0; i < r.m * groups; i++) scales[i] = draw_scale(0.01f);
  r.f32 = f32, r.s8 = s8, r.scales = scales;
  r.zero_points = draw() % 2 ? zero_points : NULL;
  return r;
}

static void check_lowbit_once(void) {
  const qk_lowbit_weights w = draw_weights();
  const rows r = draw_rows(&w);
  const uint32_t kind = draw() % 3;
  const size_t y_count = (r.m - 1) * r.y_stride + w.n;
  float *y = place(y_count * sizeof *y, sizeof *y);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    size_t packed_bytes;
    succeed(qk_lowbit_packed_bytes(&w, &packed_bytes));
    void *packed = place(packed_bytes, QK_ALIGNMENT);
    clear(packed, packed_bytes);
    succeed(qk_lowbit_pack(level->isa, &w, packed));
    void *scratch = place(qk_lowbit_scratch_bytes(packed), QK_ALIGNMENT);
    clear(scratch, qk_lowbit_scratch_bytes(packed));
    clear(y, y_count * sizeof *y);
    if (kind == 0)
      succeed(qk_lowbit_f32(packed, r.m, r.f32, r.x_stride, y, r.y_stride, scratch));
    else if (kind == 1)
      succeed(qk_lowbit_s8(packed, r.m, r.s8, r.x_stride, r.scales, r.zero_points, y, r.y_stride, scratch));
    else
      succeed(qk_lowbit_s8_grouped(packed, r.m, r.s8, r.x_stride, r.scales, y, r.y_stride, scratch));
    agree_floats(level, y, y_count);
  }
}

void check_lowbit(void) {
  for (size_t i = 0; i < 500; i++) check_lowbit_once();
  finish("lowbit");
}
