#include "gemm.h"

#define QK_GEMM_U8S8(isa, mr, nr, narrow, kr, flip, function) void function(const qk_gemm_tile *tile);
#define QK_GEMM_U8S8_SMALL QK_GEMM_U8S8
#include "kernels.inc"

#define KERNEL(isa, mr, nr, narrow, kr, flip, function) {isa, mr, nr, narrow, kr, flip, function},
static const qk_gemm_kernel kernels[] = {
#define QK_GEMM_U8S8 KERNEL
#define QK_GEMM_U8S8_SMALL(...)
#include "kernels.inc"
};

static const qk_gemm_kernel small_kernels[] = {
#define QK_GEMM_U8S8(...)
#define QK_GEMM_U8S8_SMALL KERNEL
#include "kernels.inc"
    {0},
};

const qk_gemm_kernel *qk_gemm_kernel_for(uint32_t isa) { return QK_FIRST_RUNNABLE(kernels, isa); }

const qk_gemm_kernel *qk_gemm_kernel_for_size(uint32_t isa, size_t n, size_t run_length) {
  const qk_gemm_kernel *small = small_kernels;
  for (; small->run; small++)
    if ((small->isa & ~isa) == 0 && n <= small->columns && run_length % small->depth == 0) return small;
  return qk_gemm_kernel_for(isa);
}

qk_status qk_gemm_describe(uint32_t isa, size_t n, size_t k, qk_gemm_weights *weights) {
  size_t elements;
  if (n == 0 || k == 0 || !qk_product(n, k, &elements)) return QK_BAD_SIZE;
  if (k > QK_MAX_DEPTH) return QK_TOO_DEEP;
  *weights =
      (qk_gemm_weights){.kernel = qk_gemm_kernel_for_size(isa, n, k), .n = n, .runs = 1, .run_length = k};
  return QK_OK;
}

qk_status qk_gemm_u8s8_packed_bytes(uint32_t isa, size_t n, size_t k, size_t *bytes) {
  qk_gemm_weights weights;
  qk_status status = qk_gemm_describe(isa, n, k, &weights);
  if (status == QK_OK) *bytes = sizeof(qk_gemm_packed) + qk_gemm_panels_bytes(&weights);
  return status;
}

typedef struct matrix {
  const int8_t *bytes;
  size_t k;
} matrix;

static int8_t matrix_weight(const void *context, size_t column, size_t run, size_t i) {
  (void)run;
  const matrix *m = context;
  return m->bytes[column * m->k + i];
}

static qk_status pack(uint32_t isa, size_t n, size_t k, const int8_t *weights, const int32_t *bias,
                      const float *multiplier, uint8_t zero_point, bool signed_rows, void *packed) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  qk_gemm_packed *header = packed;
  qk_status status = qk_gemm_describe(isa, n, k, &header->weights);
  if (status != QK_OK) return status;
  if (multiplier && !qk_are_scales(multiplier, n)) return QK_BAD_SCALE;
  header->weights.signed_rows = signed_rows;
  matrix context = {weights, k};
  qk_gemm_pack_panels(&header->weights, matrix_weight, &context, bias, multiplier, zero_point, header + 1);
  return QK_OK;
}

qk_status qk_gemm_u8s8_pack(uint32_t isa, size_t n, size_t k, const int8_t *weights, const int32_t *bias,
                            const float *multiplier, uint8_t zero_point, void *packed) {
  return pack(isa, n, k, weights, bias, multiplier, zero_point, false, packed);
}

qk_status qk_gemm_s8s8_pack(uint32_t isa, size_t n, size_t k, const int8_t *weights, const int32_t *bias,
                            const float *multiplier, int8_t zero_point, void *packed) {
  return pack(isa, n, k, weights, bias, multiplier, (uint8_t)zero_point ^ 0x80, true, packed);
}

/// Columns first..<end of `n`: whole panels.
static bool are_panels(const qk_gemm_weights *weights, size_t first, size_t end) {
  size_t step = weights->kernel->columns;
  return first < end && end <= weights->n && first % step == 0 && (end % step == 0 || end == weights->n);
}

static qk_status multiply(const void *packed, bool signed_rows, size_t first_column, size_t columns, size_t m,
                          const uint8_t *a, size_t a_stride, const qk_output *output, void *y,
                          size_t y_stride) {
  const qk_gemm_packed *header = packed;
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  qk_gemm_weights weights = header->weights;
  if (weights.signed_rows != signed_rows) return QK_BAD_PACKING;
  if (columns > weights.n || !are_panels(&weights, first_column, first_column + columns)) return QK_BAD_SIZE;
  if (m > 1 && (a_stride < weights.run_length || y_stride < columns)) return QK_BAD_SIZE;
  qk_status status = qk_check_output(output);
  if (status != QK_OK) return status;

  size_t panels_before = first_column / weights.kernel->columns;
  const char *panels =
      (const char *)(header + 1) + panels_before * qk_gemm_panel_bytes(&weights, weights.kernel->columns);
  weights.n = columns;
  static const int32_t offset = 0;
  const uint8_t *rows[QK_GEMM_BLOCK];
  for (size_t first = 0; first < m; first += QK_GEMM_BLOCK) {
    size_t count = m - first < QK_GEMM_BLOCK ? m - first : QK_GEMM_BLOCK;
    for (size_t i = 0; i < count; i++) rows[i] = a + (first + i) * a_stride;
    qk_gemm_rows(&weights, panels, count, rows, &offset, false, output,
                 qk_output_at(output, y, first * y_stride), y_stride);
  }
  return QK_OK;
}

size_t qk_gemm_column_step(const void *packed) {
  return ((const qk_gemm_packed *)packed)->weights.kernel->columns;
}

static size_t columns_of(const void *packed) { return ((const qk_gemm_packed *)packed)->weights.n; }

qk_status qk_gemm_u8s8(const void *packed, size_t m, const uint8_t *a, size_t a_stride,
                       const qk_output *output, void *y, size_t y_stride) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  return multiply(packed, false, 0, columns_of(packed), m, a, a_stride, output, y, y_stride);
}

qk_status qk_gemm_s8s8(const void *packed, size_t m, const int8_t *a, size_t a_stride,
                       const qk_output *output, void *y, size_t y_stride) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  return multiply(packed, true, 0, columns_of(packed), m, (const uint8_t *)a, a_stride, output, y, y_stride);
}

qk_status qk_gemm_u8s8_columns(const void *packed, size_t first, size_t count, size_t m, const uint8_t *a,
                               size_t a_stride, const qk_output *output, void *y, size_t y_stride) {
  return multiply(packed, false, first, count, m, a, a_stride, output, y, y_stride);
}

qk_status qk_gemm_s8s8_columns(const void *packed, size_t first, size_t count, size_t m, const int8_t *a,
                               size_t a_stride, const qk_output *output, void *y, size_t y_stride) {
  return multiply(packed, true, first, count, m, (const uint8_t *)a, a_stride, output, y, y_stride);
}
