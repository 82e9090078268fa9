// Pooling.
#include "checks.h"
#include "compare.h"

static qk_average_pool2d_params draw_average(void) {
  qk_average_pool2d_params params = {.multiplier = draw_scale(1), .x_zero_point = (uint8_t)draw()};
  draw_bounds(false, &params.zero_point, &params.lo, &params.hi);
  params.count_include_pad = draw() % 2;
  return params;
}

static qk_pool2d_shape draw_window(void) {
  static const size_t channels[] = {1, 3, 8, 15, 16, 17, 35, 64, 70, 130};
  qk_pool2d_shape s = {
      .height = draw_size(3, 12),
      .width = draw_size(3, 12),
      .channels = channels[draw() % 10],
      .kernel_h = draw_size(1, 3),
      .kernel_w = draw_size(1, 3),
      .stride_h = draw_size(1, 3),
      .stride_w = draw_size(1, 3),
      .dilation_h = 1,
      .dilation_w = 1,
  };
  s.pad_top = draw() % s.kernel_h, s.pad_bottom = draw() % s.kernel_h;
  s.pad_left = draw() % s.kernel_w, s.pad_right = draw() % s.kernel_w;
  s.out_height = (s.height + s.pad_top + s.pad_bottom - s.kernel_h) / s.stride_h + 1;
  s.out_width = (s.width + s.pad_left + s.pad_right - s.kernel_w) / s.stride_w + 1;
  return s;
}

static void check_pool2d_of(const qk_pool2d_shape *s) {
  bool is_max = draw() % 2;
  begin_case("%s_pool2d_u8 %zux%zux%zu, kernel %zux%zu, stride %zux%zu, pads %zu %zu %zu %zu",
             is_max ? "max" : "average", s->height, s->width, s->channels, s->kernel_h, s->kernel_w,
             s->stride_h, s->stride_w, s->pad_top, s->pad_left, s->pad_bottom, s->pad_right);
  qk_average_pool2d_params params = draw_average();
  size_t batch = draw_size(1, 2), n = batch * s->height * s->width * s->channels;
  size_t y_bytes = batch * s->out_height * s->out_width * s->channels;
  uint8_t *x = place(n, 1), *y = place(y_bytes, 1);
  draw_bytes(x, n);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, y_bytes);
    succeed(is_max ? qk_max_pool2d_u8(level->isa, s, batch, x, y)
                   : qk_average_pool2d_u8(level->isa, s, &params, batch, x, y));
    agree(level, y, y_bytes);
  }
}

static void check_global_of(size_t batch, size_t pixels, size_t channels) {
  begin_case("global_average_pool_u8 [%zu, %zu, %zu]", batch, pixels, channels);
  qk_average_pool2d_params params = draw_average();
  uint8_t *x = place(batch * pixels * channels, 1), *y = place(batch * channels, 1);
  draw_bytes(x, batch * pixels * channels);
  for (const qk_isa_level *level = NULL; (level = next_level(level));) {
    clear(y, batch * channels);
    succeed(qk_global_average_pool_u8(level->isa, batch, pixels, channels, &params, x, y));
    agree(level, y, batch * channels);
  }
}

void check_pool(void) {
  for (size_t i = 0; i < 400; i++) {
    qk_pool2d_shape shape = draw_window();
    check_pool2d_of(&shape);
  }
  for (size_t i = 0; i < 200; i++) check_global_of(draw_size(1, 3), draw_size(1, 70), draw_size(1, 150));
  for (size_t i = 0; i < 200; i++) check_global_of(1, draw_size(200, 1200), draw_size(1, 40));
  for (size_t i = 0; i < 4; i++) check_global_of(1, 300000, draw_size(1, 3));
  finish("pool");
}
