// Element by element: sums, tables, and the ways between f32 and bytes.
#include <string.h>

#include "checks.h"
#include "compare.h"

enum { MOST = 300 };

static uint8_t *draw_array(size_t n) {
  uint8_t *x = place(n, 1);
  draw_bytes(x, n);
  return x;
}

static void check_add_of(size_t n) {
  begin_case("add_u8 of %zu", n);
  qk_add_u8_params params = {.a_multiplier = draw_scale(0.5f), .b_multiplier = draw_scale(0.5f)};
  params.a_zero_point = (uint8_t)draw();
  params.b_zero_point = (uint8_t)draw();
  draw_bounds(false, &params.zero_point, &params.lo, &params.hi);
  const uint8_t *a = draw_array(n), *b = draw_array(n);
  uint8_t *y = place(n, 1);
  bool in_place = draw() % 2;
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, n);
    if (in_place) memcpy(y, a, n);
    succeed(qk_add_u8(level->isa, &params, n, in_place ? y : a, b, y));
    agree(level, y, n);
  }
}

static void check_lookup_of(size_t n) {
  begin_case("lookup_u8 of %zu", n);
  const uint8_t *x = draw_array(n);
  uint8_t *table = place(256, 1), *y = place(n, 1);
  uint8_t zero_point, lo, hi;
  draw_bounds(false, &zero_point, &lo, &hi);
  draw_bytes(table, 256);
  if (draw() % 2) succeed(qk_requantize_table((uint8_t)draw(), draw_scale(1), zero_point, lo, hi, table));
  bool in_place = draw() % 2;
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, n);
    if (in_place) memcpy(y, x, n);
    qk_lookup_u8(level->isa, n, in_place ? y : x, table, y);
    agree(level, y, n);
  }
}

void check_elementwise(void) {
  for (size_t i = 0; i < 400; i++) check_add_of(draw_size(0, MOST));
  for (size_t i = 0; i < 400; i++) check_lookup_of(draw_size(0, MOST));
  finish("elementwise");
}

static void check_quantize_of(qk_scale_layout layout) {
  size_t n = layout.outer * layout.channels * layout.inner;
  bool is_signed = draw() % 2;
  begin_case("quantize_%s [%zu, %zu, %zu]", is_signed ? "s8" : "u8", layout.outer, layout.channels,
             layout.inner);
  float *x = place(n * sizeof *x, sizeof *x), *scale = place(layout.channels * sizeof *scale, sizeof *scale);
  uint8_t *zero_point = draw() % 4 ? draw_array(layout.channels) : NULL, *y = place(n, 1);
  int8_t lo = draw() % 2 ? -127 : -128;
  draw_floats(x, n);
  for (size_t c = 0; c < layout.channels; c++) scale[c] = draw_scale(0.5f);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, n);
    if (is_signed)
      succeed(qk_quantize_s8(level->isa, layout, x, scale, (int8_t *)zero_point, lo, (int8_t *)y));
    else
      succeed(qk_quantize_u8(level->isa, layout, x, scale, zero_point, y));
    agree(level, y, n);
  }
}

static void check_dequantize_of(qk_scale_layout layout) {
  size_t n = layout.outer * layout.channels * layout.inner;
  bool is_signed = draw() % 2;
  begin_case("dequantize_%s [%zu, %zu, %zu]", is_signed ? "s8" : "u8", layout.outer, layout.channels,
             layout.inner);
  float *y = place(n * sizeof *y, sizeof *y), *scale = place(layout.channels * sizeof *scale, sizeof *scale);
  uint8_t *zero_point = draw() % 4 ? draw_array(layout.channels) : NULL, *x = draw_array(n);
  for (size_t c = 0; c < layout.channels; c++) scale[c] = draw_scale(0.5f);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, n * sizeof *y);
    if (is_signed)
      succeed(qk_dequantize_s8(level->isa, layout, (int8_t *)x, scale, (int8_t *)zero_point, y));
    else
      succeed(qk_dequantize_u8(level->isa, layout, x, scale, zero_point, y));
    agree(level, y, n * sizeof *y);
  }
}

static void check_minmax_of(size_t n) {
  begin_case("minmax_f32 of %zu", n);
  float *x = place(n * sizeof *x, sizeof *x);
  draw_floats(x, n);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    qk_minmax found = qk_minmax_f32(level->isa, n, x);
    agree(level, &found, sizeof found);
  }
}

void check_quantize(void) {
  for (size_t i = 0; i < 400; i++) {
    qk_scale_layout per_tensor = {1, 1, draw_size(0, MOST)};
    qk_scale_layout per_channel = {draw_size(1, 3), draw_size(1, 20), draw() % 2 ? 1 : draw_size(1, 40)};
    check_quantize_of(draw() % 2 ? per_tensor : per_channel);
    check_dequantize_of(draw() % 2 ? per_tensor : per_channel);
    check_minmax_of(draw_size(0, MOST));
  }
  finish("quantize");
}
