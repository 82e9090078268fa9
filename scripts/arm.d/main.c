// Compares every level that runs here with the portable one, bit for bit, and every machine with every other
// by what the portable one gives.
#include <stdio.h>

#include "checks.h"
#include "compare.h"

int main(void) {
  printf("levels:");
  for (const qk_isa_level *level = NULL; (level = next_level(level));) printf(" %s", level->name);
  printf("\n");
  check_gemm();
  check_sparse();
  check_conv2d();
  check_depthwise();
  check_elementwise();
  check_quantize();
  check_pool();
  check_lowbit();
  check_rows();
}
