// Convolution weights to their packed form.
#include "conv2d.h"

qk_status qk_conv2d_u8s8_packed_bytes(uint32_t isa, const qk_conv2d_shape *shape, size_t *bytes) {
  qk_conv2d_packed plan;
  qk_status status = qk_conv2d_plan(isa, shape, &plan);
  if (status != QK_OK) return status;
  *bytes = plan.panels_offset + plan.panels_bytes * (plan.depthwise ? 1 : shape->groups);
  return QK_OK;
}

qk_status qk_conv2d_u8s8_pack(uint32_t isa, const qk_conv2d_shape *shape, const int8_t *weights,
                              const int32_t *bias, const float *multiplier, uint8_t zero_point,
                              void *packed) {
  if (!qk_is_aligned(packed)) return QK_BAD_ALIGNMENT;
  qk_conv2d_packed *plan = packed;
  qk_status status = qk_conv2d_plan(isa, shape, plan);
  if (status != QK_OK) return status;
  if (multiplier && !qk_are_scales(multiplier, shape->out_channels)) return QK_BAD_SCALE;
  plan->zero_point = zero_point;
  qk_conv2d_filters filters = {weights, bias, multiplier};
  if (plan->quads.kernel)
    qk_quads_pack(&plan->quads, shape, weights, bias, multiplier, zero_point,
                  (char *)plan + plan->panels_offset);
  else if (plan->depthwise)
    qk_depthwise_pack(plan->depthwise, shape->channels, plan->repeats, shape->kernel_h * shape->kernel_w,
                      weights, bias, multiplier, zero_point, (char *)plan + plan->panels_offset);
  else if (plan->direct)
    qk_conv2d_pack_direct(plan, &filters);
  else
    qk_conv2d_pack_windows(plan, &filters);
  return QK_OK;
}
