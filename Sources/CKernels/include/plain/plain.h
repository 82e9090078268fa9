#pragma once
// The contract of qk_int8.h in C99 that stands alone: on bytes and floats as they lie, one image or row after
// the other, nothing packed, nothing chosen at run time. Number by number these functions are the portable
// kernels; products, convolutions, pooling and attention are written once more, for weights that lie row by
// row, and the tests hold them to the kernels' bits. A program in C (Sources/Deployment/CExport) consists of
// these very files: what they may include is each other, <math.h>, <stddef.h>, <stdint.h> and <string.h>, and
// every function of a file is used by another one of it or by the programs that need the file.
#include "add.h"
#include "attention.h"
#include "average_pool.h"
#include "concat.h"
#include "conv2d.h"
#include "depthwise.h"
#include "dequantize.h"
#include "flatten.h"
#include "layer_norm.h"
#include "linear.h"
#include "lookup.h"
#include "lstm.h"
#include "max_pool.h"
#include "mul.h"
#include "quantize.h"
#include "softmax.h"
#include "softmax_rows.h"
