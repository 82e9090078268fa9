#include "sparse.h"

#define QK_SPARSE_BLOCKS(isa, mr, function) void function(const qk_sparse_tile *tile);
#define QK_SPARSE_SCATTERED_WEIGHTS(isa, mr, function) void function(const qk_sparse_tile *tile);
#include "kernels.inc"

static const qk_sparse_kernel block_kernels[] = {
#define QK_SPARSE_BLOCKS(isa, mr, function) {isa, mr, function},
#include "kernels.inc"
};
static const qk_sparse_kernel scattered_kernels[] = {
#define QK_SPARSE_SCATTERED_WEIGHTS(isa, mr, function) {isa, mr, function},
#include "kernels.inc"
};

static qk_status check_size(qk_sparse_kind kind, size_t n, size_t k) {
  size_t elements;
  if (kind > QK_SPARSE_SCATTERED || n == 0 || k == 0 || !qk_product(n, k, &elements)) return QK_BAD_SIZE;
  return k > QK_MAX_DEPTH ? QK_TOO_DEEP : QK_OK;
}

qk_status qk_sparse_u8s8_packed_bytes(qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights,
                                      size_t *bytes) {
  qk_status status = check_size(kind, n, k);
  if (status != QK_OK) return status;
  *bytes = sizeof(qk_sparse_matrix);
  for (size_t column = 0; column < n; column += qk_sparse_width(kind)) {
    size_t steps = qk_sparse_panel_steps(kind, n, k, weights, column);
    *bytes +=
        qk_sparse_panel_start(kind) + qk_sparse_positions_bytes(steps) + steps * qk_sparse_step_bytes(kind);
  }
  return QK_OK;
}

qk_status qk_sparse_u8s8_pack(uint32_t isa, qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights,
                              const int32_t *bias, const float *multiplier, uint8_t zero_point,
                              void *packed) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  qk_status status = check_size(kind, n, k);
  if (status != QK_OK) return status;
  if (multiplier && !qk_are_scales(multiplier, n)) return QK_BAD_SCALE;
  qk_sparse_matrix *matrix = packed;
  *matrix = (qk_sparse_matrix){.kind = kind, .n = n, .k = k};
  matrix->kernel = kind == QK_SPARSE_SCATTERED ? QK_FIRST_RUNNABLE(scattered_kernels, isa)
                                               : QK_FIRST_RUNNABLE(block_kernels, isa);
  qk_sparse_pack_panels(matrix, weights, bias, multiplier, zero_point, matrix + 1);
  return QK_OK;
}

/// Multiplies the tile's rows with every panel.
static void multiply(const qk_sparse_matrix *matrix, qk_sparse_tile tile) {
  const char *at = (const char *)(matrix + 1);
  tile.width = qk_sparse_width(matrix->kind);
  tile.tail = matrix->k % qk_sparse_reach(matrix->kind);
  for (size_t first = 0; first < matrix->n; first += tile.width) {
    const qk_sparse_panel *panel = (const qk_sparse_panel *)(const void *)at;
    size_t left = matrix->n - first, start = qk_sparse_panel_start(matrix->kind);
    tile.columns = left < tile.width ? left : tile.width;
    tile.step_count = panel->step_count;
    tile.tail_count = panel->tail_count;
    tile.bias = (const int32_t *)(const void *)(panel + 1);
    tile.multiplier = (const float *)(const void *)(tile.bias + tile.width);
    tile.positions = (const uint16_t *)(const void *)(at + start);
    tile.steps = (const uint8_t *)at + start + qk_sparse_positions_bytes(tile.step_count + tile.tail_count);
    matrix->kernel->run(&tile);
    at += panel->bytes;
    tile.y = qk_output_at(tile.output, tile.y, tile.width);
  }
}

qk_status qk_sparse_u8s8(const void *packed, size_t m, const uint8_t *a, size_t a_stride,
                         const qk_output *output, void *y, size_t y_stride) {
  const qk_sparse_matrix *matrix = packed;
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  if (m > 1 && (a_stride < matrix->k || y_stride < matrix->n)) return QK_BAD_SIZE;
  qk_status status = qk_check_output(output);
  if (status != QK_OK) return status;
  size_t tiles = (m + matrix->kernel->rows - 1) / matrix->kernel->rows;
  for (size_t t = 0; t < tiles; t++) {  // tiles of nearly equal height: no short last one
    size_t begin = t * m / tiles, end = (t + 1) * m / tiles;
    multiply(matrix, (qk_sparse_tile){.row_count = end - begin,
                                      .a = a + begin * a_stride,
                                      .a_stride = a_stride,
                                      .output = output,
                                      .y = qk_output_at(output, y, begin * y_stride),
                                      .y_stride = y_stride});
  }
  return QK_OK;
}
