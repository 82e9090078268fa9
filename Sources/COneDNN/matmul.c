#include <string.h>

#include "context.h"
#include "plan.h"

/// The number written before the other key words, so that operations never share a key: a product, one whose
/// B is packed, the packing of B.
typedef enum { PRODUCT = 1, PACKED_PRODUCT = 3, PACKING = 4 } operation;

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
  int64_t line = by_rows ? columns : rows, distance = by_rows ? row_stride : column_stride;
  bool between = batch_stride >= line && distance >= batch * batch_stride;
  return batch <= 1 || batch_stride == 0 || batch_stride >= extent || between ||
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

static od_key key_of(operation kind, const od_matmul_shape *s, bool has_bias) {
  uint32_t alpha_bits;
  memcpy(&alpha_bits, &s->alpha, sizeof alpha_bits);
  return (od_key){{kind, s->batch, s->rows, s->inner, s->columns, s->a_batch_stride, s->a_row_stride,
                   s->a_column_stride, s->b_batch_stride, s->b_row_stride, s->b_column_stride, alpha_bits,
                   s->accumulate, has_bias, s->precision}};
}

/// A rank 2 layout for a single product, rank 3 for a batch; a batch that shares its matrix has size 1.
static dnnl_status_t create_layout(od_layout *layout, dnnl_data_type_t type, int64_t batch, int64_t rows,
                                   int64_t columns, int64_t batch_stride, int64_t row_stride,
                                   int64_t column_stride) {
  int64_t dims[3] = {batch_stride == 0 ? 1 : batch, rows, columns};
  int64_t strides[3] = {batch_stride == 0 ? rows * columns : batch_stride, row_stride, column_stride};
  int skipped = batch == 1;
  return od_layout_create(layout, type, 3 - skipped, dims + skipped, strides + skipped);
}

/// The layout of a factor as it is multiplied: where it lies, or for a copy of another type dense in its
/// order.
static dnnl_status_t create_factor(od_layout *layout, od_precision precision, int64_t batch, int64_t rows,
                                   int64_t columns, int64_t batch_stride, int64_t row_stride,
                                   int64_t column_stride) {
  if (precision != OD_F32) {
    bool by_rows = lines(rows, columns, row_stride, column_stride);
    if (batch_stride != 0) batch_stride = rows * columns;
    row_stride = by_rows ? columns : 1;
    column_stride = by_rows ? 1 : rows;
  }
  return create_layout(layout, od_factor_type(precision), batch, rows, columns, batch_stride, row_stride,
                       column_stride);
}

/// The caller's arrays, and the factors as they are multiplied.
enum { A, B, C, BIAS, A_USED, B_USED, LAYOUTS };

/// A product as oneDNN describes it. Where it is `packed`, how B lies is oneDNN's choice.
typedef struct {
  od_layout layouts[LAYOUTS];
  dnnl_primitive_attr_t attributes;
  dnnl_primitive_desc_t descriptor;
} product;

static dnnl_status_t create_layouts(od_layout layouts[LAYOUTS], const od_matmul_shape *s, bool packed) {
  dnnl_status_t status = create_layout(&layouts[A], dnnl_f32, s->batch, s->rows, s->inner, s->a_batch_stride,
                                       s->a_row_stride, s->a_column_stride);
  if (status == dnnl_success)
    status = create_factor(&layouts[A_USED], s->precision, s->batch, s->rows, s->inner, s->a_batch_stride,
                           s->a_row_stride, s->a_column_stride);
  if (status == dnnl_success)
    status = create_layout(&layouts[B], dnnl_f32, s->batch, s->inner, s->columns, s->b_batch_stride,
                           s->b_row_stride, s->b_column_stride);
  if (status == dnnl_success && packed)
    status = od_layout_create(&layouts[B_USED], od_factor_type(s->precision), 2,
                              (int64_t[]){s->inner, s->columns}, NULL);
  else if (status == dnnl_success)
    status = create_factor(&layouts[B_USED], s->precision, s->batch, s->inner, s->columns, s->b_batch_stride,
                           s->b_row_stride, s->b_column_stride);
  if (status == dnnl_success)
    status = create_layout(&layouts[C], dnnl_f32, s->batch, s->rows, s->columns, s->rows * s->columns,
                           s->columns, 1);
  if (status == dnnl_success)
    status = create_layout(&layouts[BIAS], dnnl_f32, s->batch, 1, s->columns, 0, s->columns, 1);
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

static dnnl_status_t create_product(product *p, const od_matmul_shape *s, bool has_bias, bool packed) {
  dnnl_status_t status = create_layouts(p->layouts, s, packed);
  if (status == dnnl_success) status = create_attributes(&p->attributes, s);
  if (status != dnnl_success) return status;
  return od_matmul_descriptor_create(
      &p->descriptor, od_engine(), od_layout_view(&p->layouts[A_USED]), od_layout_view(&p->layouts[B_USED]),
      has_bias ? od_layout_view(&p->layouts[BIAS]) : NULL, od_layout_view(&p->layouts[C]), p->attributes);
}

static void destroy_product(product *p) {
  if (p->descriptor) dnnl_primitive_desc_destroy(p->descriptor);
  if (p->attributes) dnnl_primitive_attr_destroy(p->attributes);
  for (int i = 0; i < LAYOUTS; i++) od_layout_destroy(&p->layouts[i]);
}

/// The layout of B that a packed product asks for.
static od_layout_ref packed_layout(const product *p) {
  return dnnl_primitive_desc_query_md(p->descriptor, dnnl_query_weights_md, 0);
}

static od_plan *create_plan(const od_key *key, const od_matmul_shape *s, bool has_bias, bool packed) {
  if (!od_engine()) return NULL;
  product p = {0};
  od_plan *plan = NULL;
  dnnl_status_t status = create_product(&p, s, has_bias, packed);
  if (status == dnnl_success) {
    od_layout_ref a = od_layout_view(&p.layouts[A]), c = od_layout_view(&p.layouts[C]),
                  bias = od_layout_view(&p.layouts[BIAS]),
                  b_used = packed ? packed_layout(&p) : od_layout_view(&p.layouts[B_USED]),
                  b = packed ? b_used : od_layout_view(&p.layouts[B]);
    od_operand_layout operands[] = {
        {DNNL_ARG_SRC, false, a, od_layout_view(&p.layouts[A_USED])},
        {DNNL_ARG_WEIGHTS, false, b, b_used},
        {DNNL_ARG_DST, true, c, c},
        {DNNL_ARG_BIAS, false, bias, bias},
    };
    plan = od_plan_create(key, p.descriptor, has_bias ? 4 : 3, operands);
  } else {
    od_fail_onednn("creating a matrix product", status);
  }
  destroy_product(&p);
  return plan;
}

/// A reorder of B from where it lies to what the packed product asks for.
static od_plan *create_packing(const od_key *key, const od_matmul_shape *s) {
  if (!od_engine()) return NULL;
  product p = {0};
  dnnl_primitive_desc_t descriptor = NULL;
  od_plan *plan = NULL;
  dnnl_status_t status = create_product(&p, s, false, true);
  od_layout_ref given = od_layout_view(&p.layouts[B]);
  if (status == dnnl_success)
    status = dnnl_reorder_primitive_desc_create(&descriptor, given, od_engine(), packed_layout(&p),
                                                od_engine(), NULL);
  if (status == dnnl_success) {
    od_operand_layout operands[] = {
        {DNNL_ARG_FROM, false, given, given},
        {DNNL_ARG_TO, true, packed_layout(&p), packed_layout(&p)},
    };
    plan = od_plan_create(key, descriptor, 2, operands);
  } else {
    od_fail_onednn("packing a matrix", status);
  }
  if (descriptor) dnnl_primitive_desc_destroy(descriptor);
  destroy_product(&p);
  return plan;
}

/// One product or batch as oneDNN knows it: neither empty nor with both matrices shared by a batch.
static od_status run(const od_matmul_shape *s, const float *a, const float *b, const float *bias, float *c,
                     bool packed) {
  od_key key = key_of(packed ? PACKED_PRODUCT : PRODUCT, s, bias != NULL);
  od_plan *plan = od_plan_find(&key);
  if (!plan) plan = create_plan(&key, s, bias != NULL, packed);
  if (!plan) return od_last_status();
  void *pointers[] = {(void *)(uintptr_t)a, (void *)(uintptr_t)b, c, (void *)(uintptr_t)bias};
  return od_plan_run(plan, pointers);
}

/// Whether A is read along its columns, as in the gradient of a weight. There oneDNN's classic product is
/// faster than the primitive, by a twentieth for large matrices and a fifth for narrow ones.
static bool is_classic(const od_matmul_shape *s, const float *bias) {
  return s->precision == OD_F32 && s->batch == 1 && !bias && s->a_row_stride == 1 && s->a_column_stride > 1;
}

static od_status run_classic(const od_matmul_shape *s, const float *a, const float *b, float *c) {
  if (!od_context_current()) return od_last_status();
  bool turned = s->b_column_stride != 1;
  dnnl_status_t status =
      dnnl_sgemm('T', turned ? 'T' : 'N', s->rows, s->columns, s->inner, s->alpha, a, s->a_column_stride, b,
                 turned ? s->b_column_stride : s->b_row_stride, s->accumulate ? 1 : 0, c, s->columns);
  return status == dnnl_success ? OD_OK : od_fail_onednn("running a matrix product", status);
}

od_status od_matmul(const od_matmul_shape *shape, const float *a, const float *b, const float *bias,
                    float *c) {
  if (!valid(shape)) return od_fail(OD_INVALID, "matmul: a size is negative or a matrix needs a copy first");
  od_status usable = od_precision_check(shape->precision);
  if (usable != OD_OK) return usable;
  if (shape->batch == 0 || shape->rows == 0 || shape->columns == 0) return OD_OK;
  if (shape->inner == 0) return add_bias_alone(shape, bias, c), OD_OK;
  od_matmul_shape simple = simplified(*shape);
  if (is_classic(&simple, bias)) return run_classic(&simple, a, b, c);
  if (simple.batch == 1 || simple.a_batch_stride != 0 || simple.b_batch_stride != 0)
    return run(&simple, a, b, bias, c, false);

  od_status status = OD_OK;
  int64_t count = simple.batch, matrix = simple.rows * simple.columns;
  simple.batch = 1;
  for (int64_t i = 0; i < count && status == OD_OK; i++)
    status = run(&simple, a, b, bias, c + i * matrix, false);
  return status;
}

/// The shape as plans of packed products know it; false after an error.
static bool packable(const od_matmul_shape *shape, od_matmul_shape *simple) {
  if (od_precision_check(shape->precision) != OD_OK) return false;
  if (!valid(shape) || shape->batch != 1) {
    od_fail(OD_INVALID, "matmul: only a single matrix that needs no copy can be packed");
    return false;
  }
  *simple = simplified(*shape);
  return true;
}

static od_plan *find_packing(const od_matmul_shape *shape) {
  od_matmul_shape s;
  if (!packable(shape, &s)) return NULL;
  od_key key = key_of(PACKING, &s, false);
  od_plan *plan = od_plan_find(&key);
  return plan ? plan : create_packing(&key, &s);
}

int64_t od_matmul_packed_count(const od_matmul_shape *shape) {
  od_plan *plan = find_packing(shape);
  od_layout_ref layout;
  if (!plan || dnnl_memory_get_memory_desc(plan->operands[1].user, &layout) != dnnl_success) return 0;
  return (int64_t)((dnnl_memory_desc_get_size(layout) + sizeof(float) - 1) / sizeof(float));
}

od_status od_matmul_pack(const od_matmul_shape *shape, const float *b, float *packed) {
  od_plan *plan = find_packing(shape);
  return plan ? od_plan_run(plan, (void *[]){(void *)(uintptr_t)b, packed}) : od_last_status();
}

od_status od_matmul_packed(const od_matmul_shape *shape, const float *a, const float *packed, float *c) {
  od_matmul_shape s;
  return packable(shape, &s) ? run(&s, a, packed, NULL, c, true) : od_last_status();
}
