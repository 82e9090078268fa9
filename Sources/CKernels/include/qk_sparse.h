#pragma once
// Matrix products whose weights are mostly zeros: exactly the sums of qk_gemm_u8s8, and its output stage,
// from a packed form that leaves zeros out. Packed weights depend on where the zeros are.
#include "qk_int8.h"

/// Which zeros are left out.
typedef enum qk_sparse_kind : uint32_t {
  QK_SPARSE_BLOCKS_16,  // blocks of 16 output columns by 4 of k, kept where any weight is not zero
  QK_SPARSE_BLOCKS_32,  // the same of 32 output columns
  QK_SPARSE_SCATTERED,  // single weights, wherever they are
} qk_sparse_kind;

/// Bytes of the packed form of these weights [n, k].
qk_status qk_sparse_u8s8_packed_bytes(qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights,
                                      size_t *bytes);

/// Packs weights [n, k] for the fastest kernel in `isa`; `bias`, `multiplier` and `zero_point` as for
/// qk_gemm_u8s8_pack.
qk_status qk_sparse_u8s8_pack(uint32_t isa, qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights,
                              const int32_t *bias, const float *multiplier, uint8_t zero_point, void *packed);

/// y[m, n] = output stage of a[m, k] times the transpose of the packed weights [n, k]; arguments as for
/// qk_gemm_u8s8.
qk_status qk_sparse_u8s8(const void *packed, size_t m, const uint8_t *a, size_t a_stride,
                         const qk_output *output, void *y, size_t y_stride);

/// How many vectors of 64 weights each form of the same matrix multiplies for one row: what decides which of
/// them is quickest.
typedef struct qk_sparse_work {
  size_t dense, blocks_16, blocks_32, scattered;
} qk_sparse_work;

qk_sparse_work qk_sparse_work_of(size_t n, size_t k, const int8_t *weights);

/// The form of a product that is quickest.
typedef enum qk_product_form : uint32_t {
  QK_PRODUCT_DENSE,  // qk_gemm_u8s8
  QK_PRODUCT_BLOCKS_16,
  QK_PRODUCT_BLOCKS_32,
  QK_PRODUCT_SCATTERED,
} qk_product_form;

/// Microseconds a product of `m` rows is expected to take on the machine the model was measured on; only
/// their order matters elsewhere. For `vectors` of qk_sparse_work and `panels` of 32 (16 for forms of 16
/// columns) output columns:
///   time = vectors * max(64 bytes from the cache that holds them, issue + m * row) + m * panels * finish
/// with constants of the form and of the kernels in `isa` (sparse/cost.c).
double qk_product_cost(uint32_t isa, qk_product_form form, size_t m, size_t n, const qk_sparse_work *work);

/// The form with the least cost, of the dense one and those that leave out anything.
qk_product_form qk_product_quickest(uint32_t isa, size_t m, size_t n, const qk_sparse_work *work);
