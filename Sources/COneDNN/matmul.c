#include <string.h>

#include "plan.h"

/// The number written before the other key words, so that operations never share a key.
enum { MATMUL_KEY = 1 };

/// `outer` lines of `inner` elements that lie side by side, the lines not overlapping.
static bool lines(int64_t outer, int64_t inner, int64_t outer_stride, int64_t inner_stride) {
  return (inner <= 1 || inner_stride == 1) && (outer <= 1 || outer_stride >= inner);
}

bool od_matmul_reads(int64_t batch, int64_t rows, int64_t columns, int64_t batch_stride, int64_t row_stride,
                     int64_t column_stride) {
  bool by_rows = lines(rows, columns, row_stride, column_stride);
  bool by_columns = lines(columns, rows, column_stride, row_stride);
  if (!by_rows && !by_columns) return false;
  int64_t extent = by_rows ? (rows - 1) * row_stride + columns : (columns - 1) * column_stride + rows;
  return batch <= 1 || batch_stride == 0 || batch_stride >= extent ||
         (batch_stride > 0 && rows <= 1 && by_rows);
}

static bool valid(const od_matmul_shape *s) {
  return s->batch >= 0 && s->rows >= 0 && s->inner >= 0 && s->columns >= 0 &&
         od_matmul_reads(s->batch, s->rows, s->inner, s->a_batch_stride, s->a_row_stride,
                         s->a_column_stride) &&
         od_matmul_reads(s->batch, s->inner, s->columns, s->b_batch_stride, s->b_row_stride,
                         s->b_column_stride);
}

/// C without a product: alpha bias (+ C).
static void add_bias_alone(const od_matmul_shape *s, const float *bias, float *c) {
  int64_t count = s->batch * s->rows * s->columns;
  if (!s->accumulate) memset(c, 0, (size_t)count * sizeof *c);
  if (!bias) return;
  for (int64_t i = 0; i < count; i++) c[i] += s->alpha * bias[i % s->columns];
}

/// A stride along a dimension of one element means nothing: gives it the value a dense matrix would have, so
/// that equal work has one plan and oneDNN sees an ordinary matrix.
static void settle(int64_t rows, int64_t columns, int64_t *row_stride, int64_t *column_stride) {
  if (columns == 1 && *row_stride != 1) *column_stride = 1;
  if (rows == 1) *row_stride = columns * *column_stride;
  if (columns == 1) *column_stride = *row_stride == 1 ? rows : 1;
}

/// The same product with as small a batch as can be: one that shares B is a single tall product.
static od_matmul_shape simplified(od_matmul_shape s) {
  if (s.b_batch_stride == 0 && s.a_column_stride == 1 && s.a_batch_stride == s.rows * s.a_row_stride) {
    s.rows *= s.batch;
    s.batch = 1;
  }
  if (s.batch == 1) s.a_batch_stride = s.b_batch_stride = 0;
  settle(s.rows, s.inner, &s.a_row_stride, &s.a_column_stride);
  settle(s.inner, s.columns, &s.b_row_stride, &s.b_column_stride);
  return s;
}

static od_key key_of(const od_matmul_shape *s, bool has_bias) {
  uint32_t alpha_bits;
  memcpy(&alpha_bits, &s->alpha, sizeof alpha_bits);
  return (od_key){{MATMUL_KEY, s->batch, s->rows, s->inner, s->columns, s->a_batch_stride, s->a_row_stride,
                   s->a_column_stride, s->b_batch_stride, s->b_row_stride, s->b_column_stride, alpha_bits,
                   s->accumulate, has_bias}};
}

/// A rank 2 layout for a single product, rank 3 for a batch; a batch that shares its matrix has size 1.
static dnnl_status_t create_layout(od_layout *layout, int64_t batch, int64_t rows, int64_t columns,
                                   int64_t batch_stride, int64_t row_stride, int64_t column_stride) {
  int64_t dims[3] = {batch_stride == 0 ? 1 : batch, rows, columns};
  int64_t strides[3] = {batch_stride == 0 ? rows * columns : batch_stride, row_stride, column_stride};
  int skipped = batch == 1;
  return od_layout_create(layout, 3 - skipped, dims + skipped, strides + skipped);
}

enum { A, B, C, BIAS, LAYOUTS };

static dnnl_status_t create_layouts(od_layout layouts[LAYOUTS], const od_matmul_shape *s) {
  dnnl_status_t status = create_layout(&layouts[A], s->batch, s->rows, s->inner, s->a_batch_stride,
                                       s->a_row_stride, s->a_column_stride);
  if (status == dnnl_success)
    status = create_layout(&layouts[B], s->batch, s->inner, s->columns, s->b_batch_stride, s->b_row_stride,
                           s->b_column_stride);
  if (status == dnnl_success)
    status = create_layout(&layouts[C], s->batch, s->rows, s->columns, s->rows * s->columns, s->columns, 1);
  if (status == dnnl_success)
    status = create_layout(&layouts[BIAS], s->batch, 1, s->columns, 0, s->columns, 1);
  return status;
}

static dnnl_status_t create_attributes(dnnl_primitive_attr_t *attributes, const od_matmul_shape *s) {
  dnnl_post_ops_t chain;
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status != dnnl_success) return status;
  dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  status = dnnl_post_ops_create(&chain);
  if (status != dnnl_success) return status;
  if (s->alpha != 1) status = od_append_eltwise(chain, dnnl_eltwise_linear, s->alpha, 0);
  if (status == dnnl_success && s->accumulate) status = od_append_sum(chain);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*attributes, chain);
  dnnl_post_ops_destroy(chain);
  return status;
}

static od_plan *create_plan(const od_key *key, const od_matmul_shape *s, bool has_bias) {
  if (!od_engine()) return NULL;
  od_layout layouts[LAYOUTS] = {0};
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t descriptor = NULL;
  od_layout_ref refs[LAYOUTS];
  dnnl_status_t status = create_layouts(layouts, s);
  for (int i = 0; i < LAYOUTS; i++) refs[i] = od_layout_view(&layouts[i]);
  if (status == dnnl_success) status = create_attributes(&attributes, s);
  if (status == dnnl_success)
    status = od_matmul_descriptor_create(&descriptor, od_engine(), refs[A], refs[B],
                                         has_bias ? refs[BIAS] : NULL, refs[C], attributes);
  od_plan *plan = NULL;
  if (status == dnnl_success) {
    od_operand_layout operands[] = {
        {DNNL_ARG_SRC, false, refs[A], refs[A]},
        {DNNL_ARG_WEIGHTS, false, refs[B], refs[B]},
        {DNNL_ARG_DST, true, refs[C], refs[C]},
        {DNNL_ARG_BIAS, false, refs[BIAS], refs[BIAS]},
    };
    plan = od_plan_create(key, descriptor, has_bias ? 4 : 3, operands);
  } else {
    od_fail_onednn("creating a matrix product", status);
  }
  if (descriptor) dnnl_primitive_desc_destroy(descriptor);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  for (int i = 0; i < LAYOUTS; i++) od_layout_destroy(&layouts[i]);
  return plan;
}

/// One product or batch as oneDNN knows it: neither empty nor with both matrices shared by a batch.
static od_status run(const od_matmul_shape *s, const float *a, const float *b, const float *bias, float *c) {
  od_key key = key_of(s, bias != NULL);
  double macs = (double)s->batch * (double)s->rows * (double)s->inner * (double)s->columns;
  od_plan *plan = od_plan_find(&key, macs);
  if (!plan) plan = create_plan(&key, s, bias != NULL);
  if (!plan) return od_last_status();
  void *pointers[] = {(void *)(uintptr_t)a, (void *)(uintptr_t)b, c, (void *)(uintptr_t)bias};
  return od_plan_run(plan, pointers);
}

od_status od_matmul(const od_matmul_shape *shape, const float *a, const float *b, const float *bias,
                    float *c) {
  if (!valid(shape)) return od_fail(OD_INVALID, "matmul: a size is negative or a matrix needs a copy first");
  if (shape->batch == 0 || shape->rows == 0 || shape->columns == 0) return OD_OK;
  if (shape->inner == 0) return add_bias_alone(shape, bias, c), OD_OK;
  od_matmul_shape simple = simplified(*shape);
  if (simple.batch == 1 || simple.a_batch_stride != 0 || simple.b_batch_stride != 0)
    return run(&simple, a, b, bias, c);

  od_status status = OD_OK;
  int64_t count = simple.batch, matrix = simple.rows * simple.columns;
  simple.batch = 1;
  for (int64_t i = 0; i < count && status == OD_OK; i++) status = run(&simple, a, b, bias, c + i * matrix);
  return status;
}
