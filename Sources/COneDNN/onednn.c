#include "onednn.h"

#include <string.h>

bool od_is_implemented_by(const_dnnl_primitive_desc_t descriptor, const char *prefix) {
  const char *name = "";
  dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
  return strncmp(name, prefix, strlen(prefix)) == 0;
}

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t od_layout_create(od_layout *layout, dnnl_data_type_t type, int rank, const int64_t *dims,
                               const int64_t *strides) {
  return strides ? dnnl_memory_desc_create_with_strides(layout, rank, dims, type, strides)
                 : dnnl_memory_desc_create_with_tag(layout, rank, dims, type, dnnl_format_tag_any);
}

void od_layout_destroy(od_layout *layout) { dnnl_memory_desc_destroy(*layout); }

static dnnl_status_t create_first(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                  const od_conv_description *c, const_dnnl_primitive_attr_t attributes,
                                  const_dnnl_primitive_desc_t hint) {
  switch (c->direction) {
    case OD_CONV_FORWARD:
      return dnnl_convolution_forward_primitive_desc_create(
          descriptor, engine, dnnl_forward_training, dnnl_convolution_direct, c->src, c->weights, c->bias,
          c->dst, c->strides, c->dilations, c->pad_begin, c->pad_end, attributes);
    case OD_CONV_BACKWARD_DATA:
      return dnnl_convolution_backward_data_primitive_desc_create(
          descriptor, engine, dnnl_convolution_direct, c->src, c->weights, c->dst, c->strides, c->dilations,
          c->pad_begin, c->pad_end, hint, attributes);
    case OD_CONV_BACKWARD_WEIGHTS:
      return dnnl_convolution_backward_weights_primitive_desc_create(
          descriptor, engine, dnnl_convolution_direct, c->src, c->weights, c->bias, c->dst, c->strides,
          c->dilations, c->pad_begin, c->pad_end, hint, attributes);
  }
  return dnnl_invalid_arguments;
}

dnnl_status_t od_conv_descriptor_create(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                        const od_conv_description *c, const_dnnl_primitive_attr_t attributes,
                                        const_dnnl_primitive_desc_t hint, const char *avoided) {
  dnnl_status_t status = create_first(descriptor, engine, c, attributes, hint);
  if (status != dnnl_success || !avoided) return status;
  while (od_is_implemented_by(*descriptor, avoided))
    if (dnnl_primitive_desc_next_impl(*descriptor) != dnnl_success) {
      dnnl_primitive_desc_destroy(*descriptor);
      return create_first(descriptor, engine, c, attributes, hint);
    }
  return dnnl_success;
}

dnnl_status_t od_matmul_descriptor_create(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                          od_layout_ref a, od_layout_ref b, od_layout_ref bias,
                                          od_layout_ref c, const_dnnl_primitive_attr_t attributes) {
  return dnnl_matmul_primitive_desc_create(descriptor, engine, a, b, bias, c, attributes);
}

dnnl_status_t od_append_eltwise(dnnl_post_ops_t chain, dnnl_alg_kind_t kind, float alpha, float beta) {
  return dnnl_post_ops_append_eltwise(chain, kind, alpha, beta);
}

dnnl_status_t od_append_sum(dnnl_post_ops_t chain) {
  return dnnl_post_ops_append_sum(chain, 1, 0, dnnl_data_type_undef);
}

#else

dnnl_status_t od_layout_create(od_layout *layout, dnnl_data_type_t type, int rank, const int64_t *dims,
                               const int64_t *strides) {
  return strides ? dnnl_memory_desc_init_by_strides(layout, rank, dims, type, strides)
                 : dnnl_memory_desc_init_by_tag(layout, rank, dims, type, dnnl_format_tag_any);
}

void od_layout_destroy(od_layout *layout) { memset(layout, 0, sizeof *layout); }

static dnnl_status_t conv_operation(dnnl_convolution_desc_t *operation, const od_conv_description *c) {
  switch (c->direction) {
    case OD_CONV_FORWARD:
      return dnnl_dilated_convolution_forward_desc_init(
          operation, dnnl_forward_training, dnnl_convolution_direct, c->src, c->weights, c->bias, c->dst,
          c->strides, c->dilations, c->pad_begin, c->pad_end);
    case OD_CONV_BACKWARD_DATA:
      return dnnl_dilated_convolution_backward_data_desc_init(operation, dnnl_convolution_direct, c->src,
                                                              c->weights, c->dst, c->strides, c->dilations,
                                                              c->pad_begin, c->pad_end);
    case OD_CONV_BACKWARD_WEIGHTS:
      return dnnl_dilated_convolution_backward_weights_desc_init(operation, dnnl_convolution_direct, c->src,
                                                                 c->weights, c->bias, c->dst, c->strides,
                                                                 c->dilations, c->pad_begin, c->pad_end);
  }
  return dnnl_invalid_arguments;
}

dnnl_status_t od_conv_descriptor_create(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                        const od_conv_description *c, const_dnnl_primitive_attr_t attributes,
                                        const_dnnl_primitive_desc_t hint, const char *avoided) {
  dnnl_convolution_desc_t operation;
  dnnl_status_t status = conv_operation(&operation, c);
  if (status != dnnl_success) return status;
  dnnl_primitive_desc_iterator_t candidates = NULL;
  if (avoided)
    status = dnnl_primitive_desc_iterator_create(&candidates, &operation, attributes, engine, hint);
  while (avoided && status == dnnl_success) {
    *descriptor = dnnl_primitive_desc_iterator_fetch(candidates);
    if (*descriptor && !od_is_implemented_by(*descriptor, avoided)) break;
    if (*descriptor) dnnl_primitive_desc_destroy(*descriptor);
    status = dnnl_primitive_desc_iterator_next(candidates);
  }
  if (candidates) dnnl_primitive_desc_iterator_destroy(candidates);
  if (avoided && status == dnnl_success) return dnnl_success;
  return dnnl_primitive_desc_create(descriptor, &operation, attributes, engine, hint);
}

dnnl_status_t od_matmul_descriptor_create(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                          od_layout_ref a, od_layout_ref b, od_layout_ref bias,
                                          od_layout_ref c, const_dnnl_primitive_attr_t attributes) {
  dnnl_matmul_desc_t operation;
  dnnl_status_t status = dnnl_matmul_desc_init(&operation, a, b, bias, c);
  if (status != dnnl_success) return status;
  return dnnl_primitive_desc_create(descriptor, &operation, attributes, engine, NULL);
}

dnnl_status_t od_append_eltwise(dnnl_post_ops_t chain, dnnl_alg_kind_t kind, float alpha, float beta) {
  return dnnl_post_ops_append_eltwise(chain, 1, kind, alpha, beta);
}

dnnl_status_t od_append_sum(dnnl_post_ops_t chain) { return dnnl_post_ops_append_sum(chain, 1); }

#endif
