// Depthwise convolution by quads: what is the same for all instruction sets.
#include "quads.h"

#include <string.h>

#define QK_DEPTHWISE_QUADS_U8S8(isa, flip, interleave, multiply)                                      \
  void interleave(const uint8_t *const rows[QK_QUAD], size_t runs, size_t run_bytes, size_t run_step, \
                  uint32_t *quads);                                                                   \
  void multiply(const qk_quads_strip *strip);
#include "kernels.inc"

static const qk_quads_kernel kernels[] = {
#define QK_DEPTHWISE_QUADS_U8S8(isa, flip, interleave, multiply) {isa, flip, interleave, multiply},
#include "kernels.inc"
    {0, 0, NULL, NULL},
};

/// Quads of one block should stay in the first-level cache beside weights and image rows.
static const size_t quads_bytes_at_once = 32 << 10;

static size_t divide_up(size_t a, size_t b) { return (a + b - 1) / b; }

/// Output rows of a strip with weights of their own.
static size_t packed_rows(const qk_quads_plan *plan) { return plan->shares ? 2 : 1; }

/// Rows of quads under a strip.
static size_t quad_rows(const qk_quads_plan *plan) { return plan->row_groups * (plan->shares ? 1 : 2); }

qk_quads_plan qk_quads_plan_for(uint32_t isa, const qk_conv2d_shape *s, size_t out_width) {
  qk_quads_plan plan = {.kernel = QK_FIRST_RUNNABLE(kernels, isa)};
  if (!plan.kernel->multiply) plan.kernel = NULL;
  // The second row needs one more image row, which must fit into the row groups of the first.
  plan.shares = s->stride_h == 1 && s->dilation_h == 1 && s->kernel_h % QK_QUAD != 0;
  plan.row_groups = divide_up(s->kernel_h, QK_QUAD);
  plan.columns = s->width + s->pad_left + s->pad_right;
  // With stride 1, neighbouring pixels and their windows lie side by side, as more channels would.
  bool fits_more = s->stride_w == 1 && 2 * s->channels <= QK_QUAD_LANES;
  plan.repeats = fits_more ? QK_QUAD_LANES / s->channels : 1;
  plan.units = divide_up(out_width, plan.repeats);
  size_t fits = quads_bytes_at_once / (quad_rows(&plan) * plan.columns * sizeof(uint32_t)) / 64 * 64;
  plan.block = fits < 64 ? 64 : fits;
  if (plan.block > s->channels) plan.block = s->channels;
  return plan;
}

static size_t steps_of(const qk_quads_plan *plan, const qk_conv2d_shape *s) {
  return plan->row_groups * s->kernel_w;
}

size_t qk_quads_packed_bytes(const qk_quads_plan *plan, const qk_conv2d_shape *s) {
  size_t blocks = divide_up(s->channels * plan->repeats, QK_QUAD_LANES);
  return blocks * qk_quads_block_bytes(steps_of(plan, s), packed_rows(plan));
}

void qk_quads_pack(qk_quads_plan *plan, const qk_conv2d_shape *s, const int8_t *weights, const int32_t *bias,
                   const float *multiplier, uint8_t zero_point, void *packed) {
  plan->zero_point = zero_point;
  const uint32_t read_zero_point = (uint32_t)zero_point - plan->kernel->flip;  // of the bytes in quads
  const size_t steps = steps_of(plan, s), rows = packed_rows(plan),
               block_bytes = qk_quads_block_bytes(steps, packed_rows(plan));
  memset(packed, 0, qk_quads_packed_bytes(plan, s));
  for (size_t i = 0; i < s->channels * plan->repeats; i++) {
    size_t lane = i % QK_QUAD_LANES, channel = i % s->channels;
    int32_t *block_bias = (int32_t *)((char *)packed + i / QK_QUAD_LANES * block_bytes);
    float *block_multiplier = (float *)(block_bias + QK_QUAD_LANES);
    int8_t *block_weights = (int8_t *)(block_multiplier + QK_QUAD_LANES);
    const int8_t *filter = weights + channel * s->kernel_h * s->kernel_w;
    uint32_t sum = 0;
    for (size_t ky = 0; ky < s->kernel_h; ky++)
      for (size_t kx = 0; kx < s->kernel_w; kx++) {
        int8_t w = *filter++;
        sum += (uint32_t)w;
        for (size_t row = 0; row < rows; row++) {
          size_t at = ky + row, step = kx * plan->row_groups + at / QK_QUAD;
          block_weights[((step * rows + row) * QK_QUAD_LANES + lane) * QK_QUAD + at % QK_QUAD] = w;
        }
      }
    block_bias[lane] = (int32_t)((bias ? (uint32_t)bias[channel] : 0) - read_zero_point * sum);
    block_multiplier[lane] = multiplier ? multiplier[channel] : 1.0f;
  }
}

static size_t quads_bytes(const qk_quads_plan *plan) {
  size_t quads = quad_rows(plan) * plan->columns * plan->block;
  return qk_round_up(quads * sizeof(uint32_t) + QK_QUADS_SLACK, QK_ALIGNMENT);
}

/// The quads, then a row of zero points.
size_t qk_quads_scratch_bytes(const qk_quads_plan *plan, const qk_conv2d_shape *s) {
  return quads_bytes(plan) + qk_round_up(s->width * s->channels, QK_ALIGNMENT);
}

/// Stands in for image rows above and below the image.
static uint8_t *zero_row(const qk_quads_work *w) { return (uint8_t *)w->scratch + quads_bytes(w->plan); }

/// Some channels of one image.
typedef struct block {
  const uint8_t *x;
  size_t first, channels;
  char *y;
} block;

static const uint8_t *image_row(const qk_quads_work *w, const block *b, size_t padded_row) {
  const qk_conv2d_shape *s = w->shape;
  size_t row = padded_row - s->pad_top;
  bool is_inside = padded_row >= s->pad_top && row < s->height;
  return is_inside ? b->x + row * s->width * s->channels + b->first : zero_row(w);
}

/// Zero points left and right of the image, in all rows of quads.
static void fill_margins(const qk_quads_work *w, size_t channels) {
  const qk_conv2d_shape *s = w->shape;
  const size_t left = s->pad_left * channels, inner = s->width * channels, right = s->pad_right * channels;
  const uint8_t zero_point = w->plan->zero_point ^ w->plan->kernel->flip;
  uint32_t *quads = w->scratch;
  for (size_t i = 0; i < quad_rows(w->plan); i++, quads += left + inner + right) {
    memset(quads, zero_point, left * sizeof *quads);
    memset(quads + left + inner, zero_point, right * sizeof *quads);
  }
}

/// Quads of `rows` rows of the padded image, every dilation_h-th from `top` on.
static void interleave(const qk_quads_work *w, const block *b, size_t top, size_t rows, uint32_t *quads) {
  const qk_quads_plan *plan = w->plan;
  const qk_conv2d_shape *s = w->shape;
  const size_t channels = b->channels;
  const bool is_one_run = channels == s->channels;
  for (size_t g = 0; g < plan->row_groups; g++, quads += plan->columns * channels) {
    const uint8_t *group[QK_QUAD];
    for (size_t i = 0; i < QK_QUAD; i++) {
      size_t at = g * QK_QUAD + i;  // weights of rows past the last one are 0
      group[i] = image_row(w, b, top + (at < rows ? at : rows - 1) * s->dilation_h);
    }
    plan->kernel->interleave(group, is_one_run ? 1 : s->width, is_one_run ? s->width * channels : channels,
                             s->channels, quads + s->pad_left * channels);
  }
}

/// What the strips of a block have in common.
static qk_quads_strip strip_of(const qk_quads_work *w, const block *b) {
  const qk_quads_plan *plan = w->plan;
  const qk_conv2d_shape *s = w->shape;
  const size_t columns = plan->columns * b->channels;
  const size_t block_bytes = qk_quads_block_bytes(steps_of(plan, s), packed_rows(plan));
  return (qk_quads_strip){
      .channels = b->channels,
      .kernel_w = s->kernel_w,
      .row_groups = plan->row_groups,
      .packed_rows = packed_rows(plan),
      .repeats = plan->repeats,
      .units = plan->units,
      .last_pixels = w->out_width - (plan->units - 1) * plan->repeats,
      .pixel_step = s->stride_w * b->channels,
      .column_step = s->dilation_w * b->channels,
      .row_group_step = columns,
      .row_step = plan->shares ? 0 : plan->row_groups * columns,
      .quads = w->scratch,
      .packed = (const char *)w->packed + b->first / QK_QUAD_LANES * block_bytes,
      .output = w->output,
      .y_pixel_step = s->channels,
      .y_row_step = w->out_width * s->channels,
  };
}

static void convolve_block(const qk_quads_work *w, const block *b) {
  const qk_quads_plan *plan = w->plan;
  const qk_conv2d_shape *s = w->shape;
  qk_quads_strip strip = strip_of(w, b);
  uint32_t *quads = w->scratch;
  fill_margins(w, b->channels);
  for (size_t oy = w->first_row; oy < w->end_row; oy += strip.rows) {
    const size_t top = oy * s->stride_h;
    strip.rows = w->end_row - oy < 2 ? 1 : 2;
    strip.y = b->y + oy * strip.y_row_step * qk_output_size(w->output);
    interleave(w, b, top, s->kernel_h + (plan->shares ? strip.rows - 1 : 0), quads);
    if (!plan->shares && strip.rows == 2)
      interleave(w, b, top + s->stride_h, s->kernel_h, quads + strip.row_step);
    plan->kernel->multiply(&strip);
  }
}

void qk_quads_run(const qk_quads_work *w) {
  const qk_conv2d_shape *s = w->shape;
  const size_t channels = s->channels, at_once = w->plan->block;
  if (s->pad_top + s->pad_bottom > 0) memset(zero_row(w), w->plan->zero_point, s->width * channels);
  for (size_t i = 0; i < w->images; i++)
    for (size_t first = 0; first < channels; first += at_once) {
      const block b = {
          .x = w->x + i * s->height * s->width * channels,
          .first = first,
          .channels = channels - first < at_once ? channels - first : at_once,
          .y = qk_output_at(w->output, w->y, i * w->out_height * w->out_width * channels + first),
      };
      convolve_block(w, &b);
    }
}
