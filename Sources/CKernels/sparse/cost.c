// Which form of a product is quickest: a model of four numbers for each kernel, fitted to measurements.
#include "sparse.h"

static size_t steps_of(qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights) {
  size_t steps = 0;
  for (size_t column = 0; column < n; column += qk_sparse_width(kind))
    steps += qk_sparse_panel_steps(kind, n, k, weights, column);
  return steps;
}

qk_sparse_work qk_sparse_work_of(size_t n, size_t k, const int8_t *weights) {
  return (qk_sparse_work){
      .dense = ((n + QK_SPARSE_LANES - 1) / QK_SPARSE_LANES) * ((k + QK_SPARSE_DEPTH - 1) / QK_SPARSE_DEPTH),
      .blocks_16 = steps_of(QK_SPARSE_BLOCKS_16, n, k, weights),
      .blocks_32 = 2 * steps_of(QK_SPARSE_BLOCKS_32, n, k, weights),
      .scattered = steps_of(QK_SPARSE_SCATTERED, n, k, weights)};
}

/// Nanoseconds: of reading a vector of weights, of its products with one row, of a panel's output for one
/// row.
typedef struct cost {
  uint32_t isa;
  double read, row, finish;
} cost;

// Measured on one AMD Zen 5 core of 3.9 GHz: 512x512 weights by 128 rows (row, finish), 1024x1024 by one
// (read). Fastest first, portable last. Arm's dense product is a guess, relative to the portable one.
static const cost dense_costs[] = {
#if defined(__x86_64__)
    {QK_AVX512VNNI, 0.47, 0.138, 1.6},
    {QK_AVXVNNI, 0.60, 0.289, 2.6},
    {QK_AVX2, 1.4, 1.0, 7},
#elif defined(__aarch64__)
    {QK_NEONDOT, 1.5, 1.0, 10},
#endif
    {QK_PORTABLE, 18.6, 18.7, 10},
};
static const cost blocks_16_costs[] = {
#if defined(__x86_64__)
    {QK_AVX512VNNI, 0.59, 0.170, 2.0},
    {QK_AVX2, 1.08, 0.86, 6},
#endif
    {QK_PORTABLE, 12.5, 12.5, 10},
};
static const cost blocks_32_costs[] = {
#if defined(__x86_64__)
    {QK_AVX512VNNI, 0.47, 0.138, 3.6},
    {QK_AVX2, 1.08, 0.86, 10.5},
#endif
    {QK_PORTABLE, 12.5, 12.5, 19},
};
static const cost scattered_costs[] = {
#if defined(__x86_64__)
    {QK_AVX512VNNI | QK_AVX512VBMI, 0.87, 0.213, 2.4},
#endif
    {QK_PORTABLE, 49, 49, 10},
};

static double time_of(const cost *c, size_t m, size_t vectors, size_t panels) {
  double rows = (double)m, products = rows * c->row;
  double vector = products > c->read ? products : c->read;
  return ((double)vectors * vector + rows * (double)panels * c->finish) * 1e-3;
}

static size_t vectors_of(qk_product_form form, const qk_sparse_work *work) {
  const size_t vectors[] = {work->dense, work->blocks_16, work->blocks_32, work->scattered};
  return vectors[form];
}

double qk_product_cost(uint32_t isa, qk_product_form form, size_t m, size_t n, const qk_sparse_work *work) {
  size_t vectors = vectors_of(form, work), narrow = (n + 15) / 16, wide = (n + 31) / 32;
  switch (form) {
    case QK_PRODUCT_DENSE:
      return time_of(QK_FIRST_RUNNABLE(dense_costs, isa), m, vectors, wide);
    case QK_PRODUCT_BLOCKS_16:
      return time_of(QK_FIRST_RUNNABLE(blocks_16_costs, isa), m, vectors, narrow);
    case QK_PRODUCT_BLOCKS_32:
      return time_of(QK_FIRST_RUNNABLE(blocks_32_costs, isa), m, vectors, wide);
    case QK_PRODUCT_SCATTERED:
      return time_of(QK_FIRST_RUNNABLE(scattered_costs, isa), m, vectors, narrow);
  }
  return INFINITY;
}

qk_product_form qk_product_quickest(uint32_t isa, size_t m, size_t n, const qk_sparse_work *work) {
  qk_product_form best = QK_PRODUCT_DENSE;
  for (qk_product_form form = QK_PRODUCT_BLOCKS_16; form <= QK_PRODUCT_SCATTERED; form++)
    if (vectors_of(form, work) < work->dense &&
        qk_product_cost(isa, form, m, n, work) < qk_product_cost(isa, best, m, n, work))
      best = form;
  return best;
}
