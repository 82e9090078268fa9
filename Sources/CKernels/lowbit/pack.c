#include "lowbit.h"

/// The number of `bits` at `index` of an array packed from the lowest bits of its first byte.
static uint32_t bits_at(const uint8_t *bytes, uint32_t bits, size_t index) {
  return bytes[index * bits / 8] >> index * bits % 8 & ((1u << bits) - 1);
}

/// A byte of QK_CODES_U8 or QK_CODES_S8 as a code; too large where it does not fit in the bits.
static uint32_t code_of(const qk_lowbit_weights *w, uint8_t byte) {
  if (w->order == QK_CODES_U8) return byte;
  return (uint32_t)((int8_t)byte + (1 << (w->bits - 1)));
}

static size_t group_count(const qk_lowbit_weights *w) { return (w->k + w->group - 1) / w->group; }

static uint32_t code_at(const qk_lowbit_weights *w, size_t column, size_t k) {
  const uint8_t *codes = w->codes;
  if (w->order != QK_CODES_NBITS) return code_of(w, codes[column * w->k + k]);
  size_t row_bytes = group_count(w) * w->group * w->bits / 8;
  return bits_at(codes + column * row_bytes, w->bits, k);
}

static uint32_t zero_point_at(const qk_lowbit_weights *w, size_t column, size_t group) {
  const uint8_t *zero_points = w->zero_points;
  if (!zero_points) return 1u << (w->bits - 1);
  size_t groups = group_count(w);
  if (w->order != QK_CODES_NBITS) return code_of(w, zero_points[column * groups + group]);
  return bits_at(zero_points + column * ((groups * w->bits + 7) / 8), w->bits, group);
}

static bool is_known_size(const qk_lowbit_weights *w) {
  return (w->bits == 2 || w->bits == 4 || w->bits == 8) &&
         (w->group == 16 || w->group == 32 || w->group == 64 || w->group == 128);
}

static size_t block_bytes(const qk_lowbit_layout *layout) {
  size_t scale = layout->half_scales ? sizeof(uint16_t) : sizeof(float);
  return QK_LOWBIT_COLUMNS * (scale + layout->group * layout->bits / 8);
}

qk_status qk_lowbit_describe(const qk_lowbit_weights *w, qk_lowbit_layout *layout) {
  size_t elements;
  if (w->n == 0 || w->k == 0 || !qk_product(w->n, w->k, &elements)) return QK_BAD_SIZE;
  if (w->k > QK_MAX_DEPTH) return QK_TOO_DEEP;
  if (!is_known_size(w) || w->order > QK_CODES_NBITS) return QK_BAD_BITS;
  size_t groups = group_count(w);
  *layout = (qk_lowbit_layout){
      .n = w->n, .k = w->k, .group = w->group, .groups = groups, .bits = w->bits, .half_scales = true};
  layout->zero_point = (uint8_t)zero_point_at(w, 0, 0);
  for (size_t column = 0; column < w->n; column++)
    for (size_t g = 0; g < groups; g++) {
      float scale = w->scales[column * groups + g];
      uint32_t zero_point = zero_point_at(w, column, g);
      if (!isfinite(scale)) return QK_BAD_SCALE;
      if (zero_point >> w->bits) return QK_BAD_BITS;
      layout->half_scales = layout->half_scales && qk_fits_half(scale);
      layout->zero_points_differ = layout->zero_points_differ || zero_point != layout->zero_point;
    }
  layout->block_bytes = block_bytes(layout);
  size_t zero_points = layout->zero_points_differ ? groups * QK_LOWBIT_COLUMNS : 0;
  layout->panel_bytes = qk_round_up(
      2 * QK_LOWBIT_COLUMNS * sizeof(float) + groups * layout->block_bytes + zero_points, QK_ALIGNMENT);
  return QK_OK;
}

/// Puts a code at `k` of its group and `column` of its panel.
static void put_code(const qk_lowbit_layout *layout, uint8_t *codes, size_t column, size_t k, uint32_t code) {
  size_t depth = 32 / layout->bits, within = k % depth;
  size_t chunk = k / depth * 2 + column / QK_LOWBIT_LANES;
  uint8_t *byte = codes + chunk * QK_LOWBIT_CHUNK + column % QK_LOWBIT_LANES * 4 + within % 4;
  *byte = (uint8_t)(*byte | code << within / 4 * layout->bits);
}

static void put_scale(const qk_lowbit_layout *layout, char *block, size_t column, float scale) {
  if (layout->half_scales)
    ((uint16_t *)(void *)block)[column] = qk_half_of(scale);
  else
    ((float *)(void *)block)[column] = scale;
}

/// One column of one panel.
///
/// - Returns: whether all codes fit in the bits.
static bool pack_column(const qk_lowbit_weights *w, const qk_lowbit_layout *layout, size_t column,
                        char *panel) {
  size_t within = column % QK_LOWBIT_COLUMNS;
  float *bias = (float *)(void *)panel, *sums = bias + QK_LOWBIT_COLUMNS;
  char *blocks = (char *)(sums + QK_LOWBIT_COLUMNS);
  uint8_t *zero_points = (uint8_t *)blocks + layout->groups * layout->block_bytes;
  uint32_t largest = 0;
  bias[within] = w->bias ? w->bias[column] : 0;
  for (size_t g = 0; g < layout->groups; g++) {
    char *block = blocks + g * layout->block_bytes;
    uint8_t *codes = (uint8_t *)qk_lowbit_codes(layout, block);
    float scale = w->scales[column * layout->groups + g];
    uint32_t zero_point = zero_point_at(w, column, g);
    int32_t sum = 0;
    put_scale(layout, block, within, scale);
    if (layout->zero_points_differ) zero_points[g * QK_LOWBIT_COLUMNS + within] = (uint8_t)zero_point;
    for (size_t k = g * layout->group; k < w->k && k < (g + 1) * layout->group; k++) {
      uint32_t code = code_at(w, column, k);
      largest = code > largest ? code : largest;
      put_code(layout, codes, within, k % layout->group, code & ((1u << layout->bits) - 1));
      sum += (int32_t)code - (int32_t)zero_point;
    }
    sums[within] = fmaf((float)sum, scale, sums[within]);
  }
  return largest >> layout->bits == 0;
}

bool qk_lowbit_pack_panels(const qk_lowbit_weights *w, const qk_lowbit_layout *layout, void *panels) {
  size_t panel_count = (w->n + QK_LOWBIT_COLUMNS - 1) / QK_LOWBIT_COLUMNS;
  memset(panels, 0, panel_count * layout->panel_bytes);
  for (size_t column = 0; column < w->n; column++) {
    char *panel = (char *)panels + column / QK_LOWBIT_COLUMNS * layout->panel_bytes;
    if (!pack_column(w, layout, column, panel)) return false;
  }
  return true;
}
