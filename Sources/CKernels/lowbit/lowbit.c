#include "lowbit.h"

#define QK_LOWBIT_S8(isa, mr, function) void function(const qk_lowbit_tile *tile);
#define QK_LOWBIT_F32(isa, mr, function) void function(const qk_lowbit_tile *tile);
#include "kernels.inc"

static const qk_lowbit_kernel s8_kernels[] = {
#define QK_LOWBIT_S8(isa, mr, function) {isa, mr, function},
#include "kernels.inc"
};
static const qk_lowbit_kernel f32_kernels[] = {
#define QK_LOWBIT_F32(isa, mr, function) {isa, mr, function},
#include "kernels.inc"
};

/// Packed form of one matrix; the panels follow.
typedef struct packed_lowbit {
  _Alignas(QK_ALIGNMENT) qk_lowbit_layout layout;
  const qk_lowbit_kernel *s8, *f32;
} packed_lowbit;

qk_status qk_lowbit_packed_bytes(const qk_lowbit_weights *weights, size_t *bytes) {
  qk_lowbit_layout layout;
  qk_status status = qk_lowbit_describe(weights, &layout);
  if (status != QK_OK) return status;
  size_t panels = (layout.n + QK_LOWBIT_COLUMNS - 1) / QK_LOWBIT_COLUMNS;
  *bytes = sizeof(packed_lowbit) + panels * layout.panel_bytes;
  return QK_OK;
}

qk_status qk_lowbit_pack(uint32_t isa, const qk_lowbit_weights *weights, void *packed) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  packed_lowbit *header = packed;
  qk_status status = qk_lowbit_describe(weights, &header->layout);
  if (status != QK_OK) return status;
  header->s8 = QK_FIRST_RUNNABLE(s8_kernels, isa);
  header->f32 = QK_FIRST_RUNNABLE(f32_kernels, isa);
  return qk_lowbit_pack_panels(weights, &header->layout, header + 1) ? QK_OK : QK_BAD_BITS;
}

/// Scratch memory of a tile: its rows, then what s8 rows have for each group.
typedef struct scratch_layout {
  size_t corrections, scales, bytes;
} scratch_layout;

static scratch_layout scratch_of(const qk_lowbit_layout *layout, const qk_lowbit_kernel *kernel,
                                 size_t x_size) {
  scratch_layout at;
  at.corrections = qk_round_up(kernel->rows * layout->groups * layout->group * x_size, QK_ALIGNMENT);
  at.scales = at.corrections + kernel->rows * layout->groups * sizeof(int32_t);
  at.bytes = qk_round_up(at.scales + kernel->rows * layout->groups * sizeof(float), QK_ALIGNMENT);
  return at;
}

size_t qk_lowbit_scratch_bytes(const void *packed) {
  const packed_lowbit *header = packed;
  size_t s8 = scratch_of(&header->layout, header->s8, sizeof(int8_t)).bytes;
  size_t f32 = scratch_of(&header->layout, header->f32, sizeof(float)).corrections;
  return s8 > f32 ? s8 : f32;
}

/// Multiplies the tile's rows with every panel.
static void multiply(const packed_lowbit *packed, const qk_lowbit_kernel *kernel, qk_lowbit_tile tile) {
  const qk_lowbit_layout *layout = &packed->layout;
  tile.layout = layout;
  tile.panel = (const char *)(packed + 1);
  for (size_t first = 0; first < layout->n; first += QK_LOWBIT_COLUMNS) {
    size_t left = layout->n - first;
    tile.columns = left < QK_LOWBIT_COLUMNS ? left : QK_LOWBIT_COLUMNS;
    kernel->run(&tile);
    tile.panel += layout->panel_bytes;
    tile.y += QK_LOWBIT_COLUMNS;
  }
}

static qk_status check(const packed_lowbit *packed, size_t m, size_t x_stride, size_t y_stride,
                       const void *scratch) {
  if (!qk_is_aligned(packed) || !qk_is_aligned(scratch)) return QK_BAD_ALIGNMENT;
  if (m > 1 && (x_stride < packed->layout.k || y_stride < packed->layout.n)) return QK_BAD_SIZE;
  return QK_OK;
}

/// Copies rows as the tile reads them.
static void interleave_f32(const qk_lowbit_layout *layout, size_t rows, const float *x, size_t x_stride,
                           float *to) {
  size_t padded = layout->groups * layout->group;
  for (size_t r = 0; r < rows; r++)
    for (size_t k = 0; k < layout->k; k++) to[k * rows + r] = x[r * x_stride + k];
  for (size_t i = layout->k * rows; i < padded * rows; i++) to[i] = 0;
}

qk_status qk_lowbit_f32(const void *packed, size_t m, const float *x, size_t x_stride, float *y,
                        size_t y_stride, void *scratch) {
  const packed_lowbit *header = packed;
  qk_status status = check(header, m, x_stride, y_stride, scratch);
  if (status != QK_OK) return status;
  float *rows = scratch;
  size_t tiles = (m + header->f32->rows - 1) / header->f32->rows;
  for (size_t t = 0; t < tiles; t++) {  // tiles of nearly equal height: no short last one
    size_t begin = t * m / tiles, end = (t + 1) * m / tiles;
    interleave_f32(&header->layout, end - begin, x + begin * x_stride, x_stride, rows);
    multiply(header, header->f32,
             (qk_lowbit_tile){
                 .row_count = end - begin, .x = rows, .y = y + begin * y_stride, .y_stride = y_stride});
  }
  return QK_OK;
}

/// Sum of 16 bytes. As unsigned ones compilers add them up in one instruction.
static int32_t sum_of_16(const int8_t *x) {
  uint32_t sum = 0;
  for (size_t i = 0; i < 16; i++) sum += (uint8_t)(x[i] ^ 0x80);
  return (int32_t)sum - 16 * 128;
}

static int32_t sum_of(const int8_t *x, size_t count) {
  int32_t sum = 0;
  size_t i = 0;
  for (; i + 16 <= count; i += 16) sum += sum_of_16(x + i);
  for (; i < count; i++) sum += x[i];
  return sum;
}

/// Copies rows as the tile reads them.
static void interleave_s8(const qk_lowbit_layout *layout, size_t rows, const int8_t *x, size_t x_stride,
                          int8_t *to) {
  size_t whole = layout->k / 4 * 4, padded = layout->groups * layout->group;
  for (size_t k = 0; k < whole; k += 4)
    for (size_t r = 0; r < rows; r++, to += 4) memcpy(to, x + r * x_stride + k, 4);
  memset(to, 0, (padded - whole) * rows);
  for (size_t r = 0; r < rows; r++) memcpy(to + 4 * r, x + r * x_stride + whole, layout->k - whole);
}

/// What the zero points take away from the sums of every group.
static void correct(const qk_lowbit_layout *layout, size_t rows, const int8_t *x, size_t x_stride,
                    int32_t *corrections) {
  int32_t factor = layout->zero_points_differ ? 1 : layout->zero_point;
  for (size_t r = 0; r < rows; r++, x += x_stride)
    for (size_t g = 0, k = 0; g < layout->groups; g++, k += layout->group) {
      size_t left = layout->k - k;
      corrections[g * rows + r] = -factor * sum_of(x + k, left < layout->group ? left : layout->group);
    }
}

/// Transposes [rows][groups].
static void interleave_scales(size_t rows, size_t groups, const float *scales, float *to) {
  for (size_t r = 0; r < rows; r++)
    for (size_t g = 0; g < groups; g++) to[g * rows + r] = scales[r * groups + g];
}

static qk_status multiply_s8(const void *packed, size_t m, const int8_t *x, size_t x_stride,
                             const float *scales, bool grouped, const int8_t *zero_points, float *y,
                             size_t y_stride, void *scratch) {
  const packed_lowbit *header = packed;
  qk_status status = check(header, m, x_stride, y_stride, scratch);
  if (status != QK_OK) return status;
  size_t scales_per_row = grouped ? header->layout.groups : 1;
  if (!qk_are_scales(scales, m * scales_per_row)) return QK_BAD_SCALE;
  scratch_layout at = scratch_of(&header->layout, header->s8, sizeof *x);
  int8_t *rows = scratch;
  int32_t *corrections = (int32_t *)(void *)((char *)scratch + at.corrections);
  float *group_scales = (float *)(void *)((char *)scratch + at.scales);
  size_t tiles = (m + header->s8->rows - 1) / header->s8->rows;
  for (size_t t = 0; t < tiles; t++) {
    size_t begin = t * m / tiles, end = (t + 1) * m / tiles;
    const float *tile_scales = scales + begin * scales_per_row;
    interleave_s8(&header->layout, end - begin, x + begin * x_stride, x_stride, rows);
    correct(&header->layout, end - begin, x + begin * x_stride, x_stride, corrections);
    if (grouped) interleave_scales(end - begin, scales_per_row, tile_scales, group_scales);
    multiply(header, header->s8,
             (qk_lowbit_tile){.row_count = end - begin,
                              .x = rows,
                              .y = y + begin * y_stride,
                              .y_stride = y_stride,
                              .corrections = corrections,
                              .scales = grouped ? group_scales : tile_scales,
                              .grouped = grouped,
                              .zero_points = zero_points ? zero_points + begin : NULL});
  }
  return QK_OK;
}

qk_status qk_lowbit_s8(const void *packed, size_t m, const int8_t *x, size_t x_stride, const float *scales,
                       const int8_t *zero_points, float *y, size_t y_stride, void *scratch) {
  return multiply_s8(packed, m, x, x_stride, scales, false, zero_points, y, y_stride, scratch);
}

qk_status qk_lowbit_s8_grouped(const void *packed, size_t m, const int8_t *x, size_t x_stride,
                               const float *scales, float *y, size_t y_stride, void *scratch) {
  return multiply_s8(packed, m, x, x_stride, scales, true, NULL, y, y_stride, scratch);
}

void qk_round_f16(size_t n, const float *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = qk_round_to_half(x[i]);
}
