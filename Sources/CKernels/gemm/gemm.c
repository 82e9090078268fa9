#include "gemm.h"

#define QK_GEMM_U8S8(isa, mr, nr, narrow, kr, flip, function) void function(const qk_gemm_tile *tile);
#include "kernels.inc"

static const qk_gemm_kernel kernels[] = {
#define QK_GEMM_U8S8(isa, mr, nr, narrow, kr, flip, function) {isa, mr, nr, narrow, kr, flip, function},
#include "kernels.inc"
};

const qk_gemm_kernel *qk_gemm_kernel_for(uint32_t isa) { return QK_FIRST_RUNNABLE(kernels, isa); }

/// Packed form of one matrix; the panels follow.
typedef struct packed_matrix {
  _Alignas(QK_ALIGNMENT) qk_gemm_weights weights;
} packed_matrix;

static qk_status describe(uint32_t isa, size_t n, size_t k, qk_gemm_weights *weights) {
  size_t elements;
  if (n == 0 || k == 0 || !qk_product(n, k, &elements)) return QK_BAD_SIZE;
  if (k > QK_MAX_DEPTH) return QK_TOO_DEEP;
  *weights = (qk_gemm_weights){.kernel = qk_gemm_kernel_for(isa), .n = n, .runs = 1, .run_length = k};
  return QK_OK;
}

qk_status qk_gemm_u8s8_packed_bytes(uint32_t isa, size_t n, size_t k, size_t *bytes) {
  qk_gemm_weights weights;
  qk_status status = describe(isa, n, k, &weights);
  if (status == QK_OK) *bytes = sizeof(packed_matrix) + qk_gemm_panels_bytes(&weights);
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
  packed_matrix *header = packed;
  qk_status status = describe(isa, n, k, &header->weights);
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

static qk_status multiply(const void *packed, bool signed_rows, size_t m, const uint8_t *a, size_t a_stride,
                          const qk_output *output, void *y, size_t y_stride) {
  const packed_matrix *header = packed;
  const qk_gemm_weights *weights = &header->weights;
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  if (weights->signed_rows != signed_rows) return QK_BAD_PACKING;
  if (m > 1 && (a_stride < weights->run_length || y_stride < weights->n)) return QK_BAD_SIZE;
  qk_status status = qk_check_output(output);
  if (status != QK_OK) return status;

  static const int32_t offset = 0;
  const uint8_t *rows[QK_GEMM_BLOCK];
  for (size_t first = 0; first < m; first += QK_GEMM_BLOCK) {
    size_t count = m - first < QK_GEMM_BLOCK ? m - first : QK_GEMM_BLOCK;
    for (size_t i = 0; i < count; i++) rows[i] = a + (first + i) * a_stride;
    qk_gemm_rows(weights, header + 1, count, rows, &offset, false, output,
                 qk_output_at(output, y, first * y_stride), y_stride);
  }
  return QK_OK;
}

qk_status qk_gemm_u8s8(const void *packed, size_t m, const uint8_t *a, size_t a_stride,
                       const qk_output *output, void *y, size_t y_stride) {
  return multiply(packed, false, m, a, a_stride, output, y, y_stride);
}

qk_status qk_gemm_s8s8(const void *packed, size_t m, const int8_t *a, size_t a_stride,
                       const qk_output *output, void *y, size_t y_stride) {
  return multiply(packed, true, m, (const uint8_t *)a, a_stride, output, y, y_stride);
}
