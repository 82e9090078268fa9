// Every line of every kernels.inc, as data: what tests and reports enumerate.
#include "qk_cpu.h"

static const qk_kernel_info kernels[] = {
#define QK_GEMM_U8S8(isa, mr, nr, narrow, kr, flip, function) {"gemm_u8s8", #function, isa},
#define QK_GEMM_U8S8_SMALL QK_GEMM_U8S8
#include "../gemm/kernels.inc"
#define QK_CONV2D_U8S8(isa, mr, nr, narrow_mr, narrow_nr, kr, function) {"conv2d_u8s8", #function, isa},
#include "../conv2d/kernels.inc"
#define QK_GEMM_U8S8(isa, mr, nr, narrow, kr, flip, function) {"conv2d_u8s8", #function, isa},
#define QK_GEMM_U8S8_SMALL(...)
#include "../gemm/kernels.inc"
#define QK_DEPTHWISE_QUADS_U8S8(isa, flip, interleave, multiply) {"depthwise_u8s8", #multiply, isa},
#define QK_DEPTHWISE_U8S8(isa, channels, taps, function) {"depthwise_u8s8", #function, isa},
#include "../depthwise/kernels.inc"
#define QK_ADD_U8(isa, function) {"add_u8", #function, isa},
#include "../add/kernels.inc"
#define QK_MUL_U8(isa, function) {"mul_u8", #function, isa},
#include "../mul/kernels.inc"
#define QK_FLIP_SIGN(isa, function) {"flip_sign", #function, isa},
#include "../flip_sign/kernels.inc"
#define QK_SOFTMAX_U8(isa, function) {"softmax_u8", #function, isa},
#include "../softmax/kernels.inc"
#define QK_LAYER_NORM_U8(isa, function) {"layer_norm_u8", #function, isa},
#include "../layer_norm/kernels.inc"
#define QK_LOOKUP_U8(isa, function) {"lookup_u8", #function, isa},
#include "../lookup/kernels.inc"
#define QK_POOL_U8(isa, max_function, average_function) \
  {"max_pool_u8", #max_function, isa}, {"average_pool_u8", #average_function, isa},
#include "../pool/kernels.inc"
#define QK_QUANTIZE(isa, function) {"quantize", #function, isa},
#define QK_DEQUANTIZE(isa, function) {"dequantize", #function, isa},
#define QK_MINMAX_F32(isa, function) {"minmax_f32", #function, isa},
#include "../quantize/kernels.inc"
#define QK_HISTOGRAM_F32(isa, function) {"histogram_f32", #function, isa},
#include "../histogram/kernels.inc"
#define QK_LOWBIT_S8(isa, mr, function) {"lowbit_s8", #function, isa},
#define QK_LOWBIT_F32(isa, mr, function) {"lowbit_f32", #function, isa},
#include "../lowbit/kernels.inc"
#define QK_SPARSE_BLOCKS(isa, mr, function) {"sparse_blocks", #function, isa},
#define QK_SPARSE_SCATTERED_WEIGHTS(isa, mr, function) {"sparse_scattered", #function, isa},
#include "../sparse/kernels.inc"
};

qk_kernel_info qk_kernel(size_t index) {
  if (index < sizeof kernels / sizeof *kernels) return kernels[index];
  return (qk_kernel_info){0};
}
