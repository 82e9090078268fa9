// Products, broadcasts, concatenation, and what works row by row: softmax, layer normalization, dynamic
// quantization.
#include <string.h>

#include "checks.h"
#include "compare.h"

enum { MOST = 300 };

static void *draw_array(size_t n) {
  uint8_t *x = place(n, 1);
  draw_bytes(x, n);
  return x;
}

/// Numbers of a usual size.
static float *draw_weights(size_t n, float most) {
  float *x = place(n * sizeof *x, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = draw_float(-most, most);
  return x;
}

static void check_mul_of(size_t n) {
  begin_case("mul_u8 of %zu", n);
  qk_mul_u8_params params = {.multiplier = draw_scale(0.01f)};
  params.a_zero_point = (uint8_t)draw();
  params.b_zero_point = (uint8_t)draw();
  draw_bounds(false, &params.zero_point, &params.lo, &params.hi);
  const uint8_t *a = draw_array(n), *b = draw_array(n);
  uint8_t *y = place(n, 1);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, n);
    succeed(qk_mul_u8(level->isa, &params, n, a, b, y));
    agree(level, y, n);
  }
}

static void check_broadcast_of(size_t rows, size_t n) {
  begin_case("mul_u8_broadcast [%zu, %zu]", rows, n);
  qk_mul_u8_params params = {.multiplier = draw_scale(0.01f), .hi = 255};
  const uint8_t *a = draw_array(rows * n), *b = draw_array(n);
  uint8_t *y = place(rows * n, 1);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, rows * n);
    succeed(qk_mul_u8_broadcast(level->isa, &params, rows, n, a, b, y));
    agree(level, y, rows * n);
  }
}

static void check_flip_of(size_t n) {
  begin_case("flip_sign of %zu", n);
  const uint8_t *x = draw_array(n);
  uint8_t *y = place(n, 1);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, n);
    qk_flip_sign(level->isa, n, x, y);
    agree(level, y, n);
  }
}

static void check_concat_of(size_t rows, size_t n, size_t m) {
  begin_case("concat_u8 [%zu, %zu + %zu]", rows, n, m);
  qk_concat_u8_part parts[] = {{.n = n, .x_stride = n}, {.n = m, .x_stride = m}};
  for (int i = 0; i < 2; i++) {
    parts[i].x = draw_array(rows * parts[i].n);
    parts[i].table = draw() % 2 ? draw_array(256) : NULL;
  }
  uint8_t *y = place(rows * (n + m), 1);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, rows * (n + m));
    succeed(qk_concat_u8(level->isa, rows, 2, parts, y, n + m));
    agree(level, y, rows * (n + m));
  }
}

static void check_softmax_of(size_t rows, size_t n) {
  begin_case("softmax_u8 [%zu, %zu]", rows, n);
  qk_softmax_u8_table *table = place(sizeof *table, sizeof(float));
  float usual = draw_float(0.001f, 0.3f);
  succeed(qk_softmax_u8_prepare(usual, draw() % 4 ? 0x1p-8f : draw_float(1e-6f, 1), (uint8_t)draw(), table));
  uint32_t *valid = draw() % 2 ? place(rows * sizeof *valid, sizeof *valid) : NULL;
  for (size_t r = 0; valid && r < rows; r++) valid[r] = (uint32_t)draw_size(0, n);
  const uint8_t *x = draw_array(rows * n);
  uint8_t *y = place(rows * n, 1);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, rows * n);
    succeed(qk_softmax_u8(level->isa, table, rows, n, x, n, valid, y, n));
    agree(level, y, rows * n);
  }
}

static void check_layer_norm_of(size_t rows, size_t n) {
  begin_case("layer_norm_u8 [%zu, %zu]", rows, n);
  qk_layer_norm_u8_params params = {.x_scale = draw_float(0.001f, 1), .epsilon = draw_float(1e-12f, 1e-3f)};
  draw_bounds(false, &params.zero_point, &params.lo, &params.hi);
  const float *gamma = draw_weights(n, draw() % 4 ? 60 : 1e7f), *beta = draw_weights(n, 100);
  const uint8_t *x = draw_array(rows * n);
  uint8_t *y = place(rows * n, 1);
  float *floats = place(rows * n * sizeof *floats, sizeof *floats);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, rows * n);
    succeed(qk_layer_norm_u8(level->isa, &params, rows, n, gamma, beta, x, n, y, n));
    agree(level, y, rows * n);
  }
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(floats, rows * n * sizeof *floats);
    succeed(qk_layer_norm_u8_f32(level->isa, params.x_scale, params.epsilon, rows, n, gamma, beta, x, n,
                                 floats, n));
    agree(level, floats, rows * n * sizeof *floats);
  }
}

static void check_dynamic_of(size_t rows, size_t n) {
  begin_case("dynamic_quantize_rows [%zu, %zu]", rows, n);
  const float *x = draw_weights(rows * n, draw() % 4 ? 10 : 1e-42f);
  uint8_t *y = place(rows * n, 1), *zero_point = place(rows, 1);
  float *scale = place(rows * sizeof *scale, sizeof *scale);
  bool is_symmetric = draw() % 2;
  memset(zero_point, 0, rows);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, rows * n);
    if (is_symmetric)
      succeed(qk_dynamic_quantize_rows_s8(level->isa, rows, n, x, n, (int8_t *)y, n, scale));
    else
      succeed(qk_dynamic_quantize_rows_u8(level->isa, rows, n, x, n, y, n, scale, zero_point));
    agree(level, y, rows * n);
  }
}

void check_rows(void) {
  for (size_t i = 0; i < 200; i++) {
    check_mul_of(draw_size(0, MOST));
    check_broadcast_of(draw_size(0, 20), draw() % 4 ? draw_size(1, 40) : draw_size(500, 600));
    check_flip_of(draw_size(0, MOST));
    check_concat_of(draw_size(0, 20), draw_size(0, 100), draw_size(0, 20));
    check_softmax_of(draw_size(0, 20), draw_size(1, MOST));
    check_layer_norm_of(draw_size(0, 20), draw_size(1, MOST));
    check_dynamic_of(draw_size(0, 5), draw_size(0, 100));
  }
  finish("rows");
}
