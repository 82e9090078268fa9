#include "lowbit.h"

#pragma STDC FP_CONTRACT OFF

enum { COLUMNS = QK_LOWBIT_COLUMNS, MOST_GROUP = 128 };

/// Codes of a block as [group][COLUMNS].
static void unpack(const qk_lowbit_layout *layout, const uint8_t *codes, uint8_t unpacked[][COLUMNS]) {
  size_t depth = 32 / layout->bits;
  uint32_t mask = (1u << layout->bits) - 1;
  for (size_t k = 0; k < layout->group; k++) {
    const uint8_t *chunk = codes + k / depth * 2 * QK_LOWBIT_CHUNK + k % 4;  // two chunks lie side by side
    uint32_t shift = (uint32_t)(k % depth / 4) * layout->bits;
    for (size_t n = 0; n < COLUMNS; n++) unpacked[k][n] = (uint8_t)(chunk[4 * n] >> shift & mask);
  }
}

static void read_scales(const qk_lowbit_layout *layout, const char *block, float scales[COLUMNS]) {
  for (size_t n = 0; n < COLUMNS; n++)
    scales[n] = layout->half_scales ? qk_half_to_float(((const uint16_t *)(const void *)block)[n])
                                    : ((const float *)(const void *)block)[n];
}

/// What the sums of a group start with: less the zero points times the sum of the row's x.
static void start(const qk_lowbit_tile *tile, size_t row, size_t group, int32_t sums[COLUMNS]) {
  int32_t correction = tile->corrections[group * tile->row_count + row];
  const uint8_t *zero_points = qk_lowbit_zero_points(tile, group);
  for (size_t n = 0; n < COLUMNS; n++)
    sums[n] = tile->layout->zero_points_differ ? zero_points[n] * correction : correction;
}

static void finish_s8(const qk_lowbit_tile *tile, size_t row, const float acc[COLUMNS]) {
  const float *bias = qk_lowbit_bias(tile), *sums = qk_lowbit_sums(tile);
  float zero_point = tile->zero_points ? tile->zero_points[row] : 0;
  float *y = tile->y + row * tile->y_stride;
  for (size_t n = 0; n < tile->columns; n++)
    y[n] = tile->grouped ? acc[n] + bias[n]
                         : fmaf(fmaf(-zero_point, sums[n], acc[n]), tile->scales[row], bias[n]);
}

void qk_lowbit_s8_ukernel_8x32__portable(const qk_lowbit_tile *tile) {
  const qk_lowbit_layout *layout = tile->layout;
  size_t rows = tile->row_count;
  float acc[QK_LOWBIT_MOST_ROWS][COLUMNS] = {{0}};
  for (size_t g = 0; g < layout->groups; g++) {
    const char *block = qk_lowbit_block(tile, g);
    uint8_t codes[MOST_GROUP][COLUMNS];
    float scales[COLUMNS];
    unpack(layout, qk_lowbit_codes(layout, block), codes);
    read_scales(layout, block, scales);
    for (size_t r = 0; r < rows; r++) {
      int32_t sums[COLUMNS];
      start(tile, r, g, sums);
      for (size_t k = 0; k < layout->group; k++) {
        int16_t x = ((const int8_t *)tile->x)[((g * layout->group + k) / 4 * rows + r) * 4 + k % 4];
        for (size_t n = 0; n < COLUMNS; n++) sums[n] += (int16_t)(x * codes[k][n]);
      }
      float row_scale = tile->grouped ? tile->scales[g * rows + r] : 1;
      for (size_t n = 0; n < COLUMNS; n++) acc[r][n] = fmaf((float)sums[n], scales[n] * row_scale, acc[r][n]);
    }
  }
  for (size_t r = 0; r < rows; r++) finish_s8(tile, r, acc[r]);
}

void qk_lowbit_f32_ukernel_8x32__portable(const qk_lowbit_tile *tile) {
  const qk_lowbit_layout *layout = tile->layout;
  size_t rows = tile->row_count;
  float acc[QK_LOWBIT_MOST_ROWS][COLUMNS] = {{0}};
  for (size_t g = 0; g < layout->groups; g++) {
    const char *block = qk_lowbit_block(tile, g);
    const uint8_t *zero_points = qk_lowbit_zero_points(tile, g);
    uint8_t codes[MOST_GROUP][COLUMNS];
    float scales[COLUMNS];
    unpack(layout, qk_lowbit_codes(layout, block), codes);
    read_scales(layout, block, scales);
    for (size_t r = 0; r < rows; r++) {
      float t[COLUMNS] = {0};
      for (size_t k = 0; k < layout->group; k++) {
        float x = ((const float *)tile->x)[(g * layout->group + k) * rows + r];
        for (size_t n = 0; n < COLUMNS; n++) {
          int32_t zero_point = layout->zero_points_differ ? zero_points[n] : layout->zero_point;
          t[n] = fmaf(x, (float)(codes[k][n] - zero_point), t[n]);
        }
      }
      for (size_t n = 0; n < COLUMNS; n++) acc[r][n] = fmaf(t[n], scales[n], acc[r][n]);
    }
  }
  for (size_t r = 0; r < rows; r++)
    for (size_t n = 0; n < tile->columns; n++)
      tile->y[r * tile->y_stride + n] = acc[r][n] + qk_lowbit_bias(tile)[n];
}
