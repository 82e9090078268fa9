#include <string.h>

#include "plan.h"

/// The number written before the other key words, so that operations never share a key.
enum { CONVOLUTION_KEY = 2 };

/// No size or attribute is larger, so that what is computed of a few of them fits 64 bits.
static const int64_t LARGEST = INT32_MAX;

static bool within(int64_t least, int64_t value) { return least <= value && value <= LARGEST; }

static int64_t out_size(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                        int64_t after) {
  if (!within(1, size) || !within(1, kernel) || !within(1, stride) || !within(1, dilation)) return 0;
  if (!within(0, before) || !within(0, after)) return 0;
  int64_t room = size + before + after - (dilation * (kernel - 1) + 1);
  return room < 0 ? 0 : room / stride + 1;
}

int64_t od_conv2d_out_height(const od_conv2d_shape *s) {
  return out_size(s->height, s->kernel_height, s->stride_height, s->dilation_height, s->pad_top,
                  s->pad_bottom);
}

int64_t od_conv2d_out_width(const od_conv2d_shape *s) {
  return out_size(s->width, s->kernel_width, s->stride_width, s->dilation_width, s->pad_left, s->pad_right);
}

/// Whether a tensor of these sizes has few enough elements to be addressed.
static bool fits(int64_t a, int64_t b, int64_t c, int64_t d) {
  int64_t bytes = sizeof(float);
  return !__builtin_mul_overflow(bytes, a, &bytes) && !__builtin_mul_overflow(bytes, b, &bytes) &&
         !__builtin_mul_overflow(bytes, c, &bytes) && !__builtin_mul_overflow(bytes, d, &bytes);
}

static bool valid(const od_conv2d_shape *s) {
  int64_t out_height = od_conv2d_out_height(s), out_width = od_conv2d_out_width(s);
  return within(0, s->batch) && within(1, s->channels) && within(1, s->out_channels) &&
         within(1, s->groups) && s->channels % s->groups == 0 && s->out_channels % s->groups == 0 &&
         out_height > 0 && out_width > 0 && fits(s->batch, s->channels, s->height, s->width) &&
         fits(s->batch, s->out_channels, out_height, out_width) &&
         fits(s->out_channels, s->channels, s->kernel_height, s->kernel_width);
}

static od_status refuse(void) {
  return od_fail(OD_INVALID, "conv2d: a size, stride, padding or group count makes no sense");
}

static od_key key_of(const od_conv2d_shape *s, od_conv_direction direction, bool has_bias) {
  int64_t what = (int64_t)s->precision << 3 | direction << 1 | has_bias;
  return (od_key){{CONVOLUTION_KEY, what, s->batch, s->channels, s->height, s->width, s->out_channels,
                   s->kernel_height, s->kernel_width, s->groups, s->stride_height, s->stride_width,
                   s->dilation_height, s->dilation_width, s->pad_top, s->pad_left, s->pad_bottom,
                   s->pad_right}};
}

/// The three arrays of a convolution. In each direction two are its factors and one is its result.
typedef enum { SRC, WEIGHTS, DST, ARRAYS } array;

/// How one array may lie: `given` as the caller has it, in fp32, and `any` as the primitive likes; and the
/// same of the type that factors are multiplied in.
typedef struct {
  od_layout given, any, factor_given, factor_any;
} array_layouts;

typedef struct {
  array_layouts arrays[ARRAYS];
  od_layout bias;
} conv_layouts;

static dnnl_status_t create_array(array_layouts *a, dnnl_data_type_t type, int rank, const int64_t *dims,
                                  const int64_t *strides) {
  dnnl_status_t status = od_layout_create(&a->given, dnnl_f32, rank, dims, strides);
  if (status == dnnl_success) status = od_layout_create(&a->any, dnnl_f32, rank, dims, NULL);
  if (status == dnnl_success) status = od_layout_create(&a->factor_given, type, rank, dims, strides);
  return status == dnnl_success ? od_layout_create(&a->factor_any, type, rank, dims, NULL) : status;
}

static void destroy_layouts(conv_layouts *layouts) {
  for (int i = 0; i < ARRAYS; i++) {
    array_layouts *a = &layouts->arrays[i];
    od_layout_destroy(&a->given);
    od_layout_destroy(&a->any);
    od_layout_destroy(&a->factor_given);
    od_layout_destroy(&a->factor_any);
  }
  od_layout_destroy(&layouts->bias);
}

static dnnl_status_t create_channels_last(array_layouts *a, dnnl_data_type_t type, int64_t batch,
                                          int64_t channels, int64_t height, int64_t width) {
  int64_t dims[4] = {batch, channels, height, width};
  int64_t strides[4] = {height * width * channels, 1, width * channels, channels};
  return create_array(a, type, 4, dims, strides);
}

static dnnl_status_t create_weights(array_layouts *a, dnnl_data_type_t type, const od_conv2d_shape *s) {
  int64_t o = s->out_channels / s->groups, i = s->channels / s->groups;
  int64_t h = s->kernel_height, w = s->kernel_width;
  int64_t dims[5] = {s->groups, o, i, h, w};
  int64_t strides[5] = {o * i * h * w, i * h * w, h * w, w, 1};
  int skipped = s->groups == 1;  // oneDNN's fast kernels for one group want no group dimension
  return create_array(a, type, 5 - skipped, dims + skipped, strides + skipped);
}

static dnnl_status_t create_layouts(conv_layouts *layouts, const od_conv2d_shape *s) {
  int64_t one = 1;
  dnnl_data_type_t type = od_factor_type(s->precision);
  dnnl_status_t status =
      create_channels_last(&layouts->arrays[SRC], type, s->batch, s->channels, s->height, s->width);
  if (status == dnnl_success)
    status = create_channels_last(&layouts->arrays[DST], type, s->batch, s->out_channels,
                                  od_conv2d_out_height(s), od_conv2d_out_width(s));
  if (status == dnnl_success) status = create_weights(&layouts->arrays[WEIGHTS], type, s);
  return status == dnnl_success ? od_layout_create(&layouts->bias, dnnl_f32, 1, &s->out_channels, &one)
                                : status;
}

static array result_of(od_conv_direction direction) {
  return direction == OD_CONV_FORWARD ? DST : direction == OD_CONV_BACKWARD_DATA ? SRC : WEIGHTS;
}

static dnnl_status_t create_attributes(dnnl_primitive_attr_t *attributes) {
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status != dnnl_success) return status;
  return dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
}

static od_conv_description describe(const od_conv2d_shape *s, od_conv_direction direction) {
  return (od_conv_description){
      .direction = direction,
      .strides = {s->stride_height, s->stride_width},
      .dilations = {s->dilation_height - 1, s->dilation_width - 1},
      .pad_begin = {s->pad_top, s->pad_left},
      .pad_end = {s->pad_bottom, s->pad_right},
  };
}

/// What oneDNN would choose first and should not. Measured with 2.6 on AVX-512: its batched-product kernels
/// leave lanes empty below 64 output channels, where the direct ones are up to 2.4 times as fast.
static const char *avoided_for(const od_conv_description *conv, int64_t channels) {
  return DNNL_VERSION_MAJOR < 3 && conv->direction == OD_CONV_FORWARD && channels < 64 ? "brg" : NULL;
}

/// Sets the layouts of the three arrays: weights in a layout of oneDNN's choice, activations as they lie or
/// in one of its choice too. All are of the factors' type but `result`.
static void set_layouts(od_conv_description *conv, const conv_layouts *layouts, array result, bool free) {
  od_layout_ref chosen[ARRAYS];
  for (int i = 0; i < ARRAYS; i++) {
    const array_layouts *a = &layouts->arrays[i];
    bool any = free || i == WEIGHTS, factor = i != (int)result;
    chosen[i] = any ? od_layout_view(factor ? &a->factor_any : &a->any)
                    : od_layout_view(factor ? &a->factor_given : &a->given);
  }
  conv->src = chosen[SRC];
  conv->weights = chosen[WEIGHTS];
  conv->dst = chosen[DST];
}

/// The descriptor for one direction; the backward ones need a forward one of the same layouts as a hint.
static dnnl_status_t create_descriptor(dnnl_primitive_desc_t *descriptor, od_conv_description conv,
                                       int64_t channels, const conv_layouts *layouts, bool free,
                                       const_dnnl_primitive_attr_t attributes) {
  const char *avoided = avoided_for(&conv, channels);
  set_layouts(&conv, layouts, result_of(conv.direction), free);
  if (conv.direction == OD_CONV_FORWARD)
    return od_conv_descriptor_create(descriptor, od_engine(), &conv, attributes, NULL, avoided);
  od_conv_description forward = conv;
  forward.direction = OD_CONV_FORWARD;
  set_layouts(&forward, layouts, ARRAYS, free);
  dnnl_primitive_desc_t hint;
  dnnl_status_t status = od_conv_descriptor_create(&hint, od_engine(), &forward, attributes, NULL, NULL);
  if (status != dnnl_success) return status;
  status = od_conv_descriptor_create(descriptor, od_engine(), &conv, attributes, hint, avoided);
  dnnl_primitive_desc_destroy(hint);
  return status;
}

/// Asks for channels-last activations and weights in a layout of oneDNN's choice. Where only its reference
/// loop (hundreds of times slower) can do that, lets it choose the activations' layout too, which costs
/// reorders.
static dnnl_status_t choose_descriptor(dnnl_primitive_desc_t *descriptor, const od_conv_description *conv,
                                       int64_t channels, const conv_layouts *layouts,
                                       const_dnnl_primitive_attr_t attributes) {
  dnnl_status_t status = create_descriptor(descriptor, *conv, channels, layouts, false, attributes);
  if (status != dnnl_success || !od_is_implemented_by(*descriptor, "ref")) return status;

  dnnl_primitive_desc_t free_choice;
  if (create_descriptor(&free_choice, *conv, channels, layouts, true, attributes) != dnnl_success)
    return dnnl_success;
  bool faster = !od_is_implemented_by(free_choice, "ref");
  dnnl_primitive_desc_destroy(faster ? *descriptor : free_choice);
  if (faster) *descriptor = free_choice;
  return dnnl_success;
}

/// Operands in the order in which the entry points pass their pointers.
static od_plan *create_plan_of(const od_key *key, od_conv_direction direction, bool has_bias,
                               const_dnnl_primitive_desc_t descriptor, const conv_layouts *layouts) {
  bool data = direction == OD_CONV_BACKWARD_DATA, weights = direction == OD_CONV_BACKWARD_WEIGHTS;
  struct {
    int argument;
    dnnl_query_t query;
  } roles[ARRAYS] = {
      {data ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, data ? dnnl_query_diff_src_md : dnnl_query_src_md},
      {weights ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS,
       weights ? dnnl_query_diff_weights_md : dnnl_query_weights_md},
      {data || weights ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST,
       data || weights ? dnnl_query_diff_dst_md : dnnl_query_dst_md},
  };
  od_operand_layout operands[ARRAYS + 1];
  for (int i = 0; i < ARRAYS; i++)
    operands[i] = (od_operand_layout){roles[i].argument, i == (int)result_of(direction),
                                      od_layout_view(&layouts->arrays[i].given),
                                      dnnl_primitive_desc_query_md(descriptor, roles[i].query, 0)};
  od_layout_ref bias = od_layout_view(&layouts->bias);
  operands[ARRAYS] = (od_operand_layout){weights ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, weights, bias, bias};
  return od_plan_create(key, descriptor, has_bias ? 4 : 3, operands);
}

static od_plan *create_plan(const od_key *key, const od_conv2d_shape *s, od_conv_direction direction,
                            bool has_bias) {
  if (!od_engine()) return NULL;
  conv_layouts layouts = {0};
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_primitive_desc_t descriptor = NULL;
  od_conv_description conv = describe(s, direction);
  dnnl_status_t status = create_layouts(&layouts, s);
  if (has_bias) conv.bias = od_layout_view(&layouts.bias);
  if (status == dnnl_success) status = create_attributes(&attributes);
  if (status == dnnl_success)
    status = choose_descriptor(&descriptor, &conv, s->out_channels / s->groups, &layouts, attributes);
  bool slow = s->precision != OD_F32 && (status != dnnl_success || od_is_implemented_by(descriptor, "ref"));
  od_plan *plan = NULL;
  if (status == dnnl_success && !slow)
    plan = create_plan_of(key, direction, has_bias, descriptor, &layouts);
  else if (!slow)
    od_fail_onednn("creating a convolution", status);
  if (descriptor) dnnl_primitive_desc_destroy(descriptor);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  destroy_layouts(&layouts);
  if (!slow) return plan;
  od_conv2d_shape exact = *s;
  exact.precision = OD_F32;
  return create_plan(key, &exact, direction, has_bias);
}

static od_status run(const od_conv2d_shape *s, od_conv_direction direction, const float *src,
                     const float *weights, const float *dst, const float *bias) {
  od_status usable = od_precision_check(s->precision);
  if (usable != OD_OK) return usable;
  od_key key = key_of(s, direction, bias != NULL);
  od_plan *plan = od_plan_find(&key);
  if (!plan) plan = create_plan(&key, s, direction, bias != NULL);
  if (!plan) return od_last_status();
  void *pointers[] = {(void *)(uintptr_t)src, (void *)(uintptr_t)weights, (void *)(uintptr_t)dst,
                      (void *)(uintptr_t)bias};
  return od_plan_run(plan, pointers);
}

od_status od_conv2d_forward(const od_conv2d_shape *shape, const float *src, const float *weights,
                            const float *bias, float *dst) {
  if (!valid(shape)) return refuse();
  if (shape->batch == 0) return OD_OK;
  return run(shape, OD_CONV_FORWARD, src, weights, dst, bias);
}

od_status od_conv2d_backward_data(const od_conv2d_shape *shape, const float *diff_dst, const float *weights,
                                  float *diff_src) {
  if (!valid(shape)) return refuse();
  if (shape->batch == 0) return OD_OK;
  return run(shape, OD_CONV_BACKWARD_DATA, diff_src, weights, diff_dst, NULL);
}

od_status od_conv2d_backward_weights(const od_conv2d_shape *shape, const float *src, const float *diff_dst,
                                     float *diff_weights, float *diff_bias) {
  if (!valid(shape)) return refuse();
  if (shape->batch > 0) return run(shape, OD_CONV_BACKWARD_WEIGHTS, src, diff_weights, diff_dst, diff_bias);
  int64_t taps = shape->channels / shape->groups * shape->kernel_height * shape->kernel_width;
  memset(diff_weights, 0, (size_t)(shape->out_channels * taps) * sizeof *diff_weights);
  if (diff_bias) memset(diff_bias, 0, (size_t)shape->out_channels * sizeof *diff_bias);
  return OD_OK;
}
