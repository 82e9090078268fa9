#pragma once

/// What differs between oneDNN 2.x and 3.x, and nothing else: how memory descriptors are held, how primitive
/// descriptors are made, how post-operations are appended.

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

/// Bytes are laid out as a descriptor says. `od_layout` owns one, `od_layout_ref` looks at one.
typedef dnnl_memory_desc_t od_layout;
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t od_layout_ref;
static inline od_layout_ref od_layout_view(const od_layout *layout) { return *layout; }
#else
typedef const dnnl_memory_desc_t *od_layout_ref;
static inline od_layout_ref od_layout_view(const od_layout *layout) { return layout; }
#endif

/// A layout with these strides in elements, or with `strides` NULL one the primitive chooses.
dnnl_status_t od_layout_create(od_layout *layout, dnnl_data_type_t type, int rank, const int64_t *dims,
                               const int64_t *strides);
void od_layout_destroy(od_layout *layout);

typedef enum { OD_CONV_FORWARD, OD_CONV_BACKWARD_DATA, OD_CONV_BACKWARD_WEIGHTS } od_conv_direction;

/// The three operands of a convolution (or their gradients) with its geometry; `bias` may be NULL.
typedef struct {
  od_conv_direction direction;
  od_layout_ref src, weights, bias, dst;
  dnnl_dims_t strides, dilations, pad_begin, pad_end;
} od_conv_description;

/// `hint` is the forward descriptor that the backward directions want, NULL for forward. Of oneDNN's
/// implementations the first is taken, or with `avoided` the first whose name does not begin so.
dnnl_status_t od_conv_descriptor_create(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                        const od_conv_description *conv,
                                        const_dnnl_primitive_attr_t attributes,
                                        const_dnnl_primitive_desc_t hint, const char *avoided);

/// Whether the name of a descriptor's implementation begins with `prefix`.
bool od_is_implemented_by(const_dnnl_primitive_desc_t descriptor, const char *prefix);

dnnl_status_t od_matmul_descriptor_create(dnnl_primitive_desc_t *descriptor, dnnl_engine_t engine,
                                          od_layout_ref a, od_layout_ref b, od_layout_ref bias,
                                          od_layout_ref c, const_dnnl_primitive_attr_t attributes);

dnnl_status_t od_append_eltwise(dnnl_post_ops_t chain, dnnl_alg_kind_t kind, float alpha, float beta);
dnnl_status_t od_append_sum(dnnl_post_ops_t chain);
