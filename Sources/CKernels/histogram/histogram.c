#include "histogram.h"

#pragma STDC FP_CONTRACT OFF

#define QK_HISTOGRAM_F32(isa, function)                                                    \
  void function(const qk_histogram_bins *bins, size_t n, const float *x, uint64_t *counts, \
                qk_histogram_outside *outside);
#include "kernels.inc"

static const struct {
  uint32_t isa;
  qk_histogram_fn run;
} kernels[] = {
#define QK_HISTOGRAM_F32(isa, function) {isa, function},
#include "kernels.inc"
};

qk_status qk_histogram_f32(uint32_t isa, size_t n, const float *x, float lo, float hi, size_t bin_count,
                           uint64_t *counts, qk_histogram_outside *outside) {
  if (bin_count == 0 || bin_count > QK_MAX_BINS) return QK_BAD_SIZE;
  const float span = hi - lo;
  if (!(span > 0 && span < INFINITY)) return QK_BAD_RANGE;
  const qk_histogram_bins bins = {lo, hi, (float)bin_count / span, bin_count};
  if (!(bins.per_unit < INFINITY)) return QK_BAD_RANGE;
  QK_FIRST_RUNNABLE(kernels, isa)->run(&bins, n, x, counts, outside);
  return QK_OK;
}
