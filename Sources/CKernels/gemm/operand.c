// Packing a second operand that comes at run time: bytes of zero point 128, which are s8 weights xor 0x80.
#include <string.h>

#include "gemm.h"

/// A second operand; element (column, k) is at column * column_step + k * k_step, and one of the steps is 1.
typedef struct operand {
  const uint8_t *bytes;
  size_t column_step, k_step;
} operand;

static int8_t operand_weight(const void *context, size_t column, size_t run, size_t i) {
  (void)run;
  const operand *b = context;
  return (int8_t)(b->bytes[column * b->column_step + i * b->k_step] ^ 0x80);
}

enum { DEPTH = 4, WIDEST = 64 };

/// Rows are columns of the panel: 4 bytes of a row move together.
static void pack_rows_of_n(const uint8_t *b, size_t stride, size_t columns, size_t width, size_t k,
                           int8_t *packed, uint32_t *sums) {
  for (size_t n = 0; n < columns; n++) {
    const uint8_t *row = b + n * stride;
    int8_t *to = packed + n * DEPTH;
    uint32_t sum = 0, bytes;
    for (size_t i = 0; i < k; i++) sum += row[i];
    sums[n] = sum - (uint32_t)k * 128;
    for (size_t i = 0; i + DEPTH <= k; i += DEPTH, to += width * DEPTH) {
      memcpy(&bytes, row + i, sizeof bytes);
      bytes ^= 0x80808080;
      memcpy(to, &bytes, sizeof bytes);
    }
    for (size_t i = k / DEPTH * DEPTH; i < k; i++) to[i % DEPTH] = (int8_t)(row[i] ^ 0x80);
  }
}

/// Four rows, interleaved. Compilers make vector instructions of this.
static void interleave(const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c,
                       const uint8_t *restrict d, size_t columns, uint8_t *restrict to,
                       uint32_t *restrict sums) {
  for (size_t n = 0; n < columns; n++) {
    to[n * DEPTH] = a[n] ^ 0x80;
    to[n * DEPTH + 1] = b[n] ^ 0x80;
    to[n * DEPTH + 2] = c[n] ^ 0x80;
    to[n * DEPTH + 3] = d[n] ^ 0x80;
  }
  for (size_t n = 0; n < columns; n++)
    sums[n] += (uint32_t)(uint16_t)(a[n] + b[n] + c[n] + d[n]) - DEPTH * 128;
}

/// Rows are steps of k: 4 bytes of a column come from 4 rows.
static void pack_rows_of_k(const uint8_t *b, size_t stride, size_t columns, size_t width, size_t k,
                           int8_t *packed, uint32_t *sums) {
  uint8_t zeros[WIDEST];
  memset(zeros, 128, sizeof zeros);
  memset(sums, 0, columns * sizeof *sums);
  for (size_t i = 0; i < k; i += DEPTH, packed += width * DEPTH) {
    const uint8_t *rows[DEPTH];
    for (size_t r = 0; r < DEPTH; r++) rows[r] = i + r < k ? b + (i + r) * stride : zeros;
    interleave(rows[0], rows[1], rows[2], rows[3], columns, (uint8_t *)packed, sums);
  }
}

static void set_multiplier(const qk_gemm_weights *weights, float multiplier, void *panels) {
  char *panel = panels;
  for (size_t first = 0; first < weights->n;) {
    size_t width = qk_gemm_panel_width(weights, first);
    float *multipliers = (float *)panel + width;
    for (size_t n = 0; n < width && first + n < weights->n; n++) multipliers[n] = multiplier;
    first += width;
    panel += qk_gemm_panel_bytes(weights, width);
  }
}

/// All panels of a kernel of depth 4.
static void pack_fast(const qk_gemm_weights *weights, const operand *b, float multiplier, uint32_t zero_point,
                      void *panels) {
  size_t k = weights->run_length;
  char *panel = panels;
  for (size_t first = 0; first < weights->n;) {
    size_t width = qk_gemm_panel_width(weights, first), left = weights->n - first;
    size_t columns = left < width ? left : width, bytes = qk_gemm_panel_bytes(weights, width);
    int32_t *bias = (int32_t *)panel;
    float *multipliers = (float *)(bias + width);
    int8_t *packed = (int8_t *)(multipliers + width);
    if (columns < width || k % DEPTH != 0) memset(panel, 0, bytes);
    uint32_t sums[WIDEST];
    if (b->k_step == 1)
      pack_rows_of_n(b->bytes + first * b->column_step, b->column_step, columns, width, k, packed, sums);
    else
      pack_rows_of_k(b->bytes + first, b->k_step, columns, width, k, packed, sums);
    for (size_t n = 0; n < columns; n++) {
      bias[n] = (int32_t)(0 - zero_point * sums[n]);
      multipliers[n] = multiplier;
    }
    first += width;
    panel += bytes;
  }
}

qk_status qk_gemm_u8s8_pack_operand(uint32_t isa, size_t n, size_t k, const uint8_t *b, size_t b_stride,
                                    bool rows_of_k, float multiplier, uint8_t zero_point, void *packed) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  qk_gemm_packed *header = packed;
  qk_status status = qk_gemm_describe(isa, n, k, &header->weights);
  if (status != QK_OK) return status;
  if ((rows_of_k ? k : n) > 1 && b_stride < (rows_of_k ? n : k)) return QK_BAD_SIZE;
  if (!qk_is_scale(multiplier)) return QK_BAD_SCALE;
  const operand context = {b, rows_of_k ? 1 : b_stride, rows_of_k ? b_stride : 1};
  const qk_gemm_kernel *kernel = header->weights.kernel;
  if (kernel->depth == DEPTH && kernel->columns <= WIDEST) {
    pack_fast(&header->weights, &context, multiplier, (uint32_t)zero_point - kernel->flip, header + 1);
    return QK_OK;
  }
  qk_gemm_pack_panels(&header->weights, operand_weight, &context, NULL, NULL, zero_point, header + 1);
  set_multiplier(&header->weights, multiplier, header + 1);
  return QK_OK;
}
