#include "histogram.h"

#pragma STDC FP_CONTRACT OFF

void qk_histogram_f32_ukernel__portable(const qk_histogram_bins *bins, size_t n, const float *x,
                                        uint64_t *counts, qk_histogram_outside *outside) {
  qk_histogram_elements(bins, n, x, counts, outside);
}
