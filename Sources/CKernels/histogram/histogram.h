#pragma once
// Inside of the histogram scan.
#include "../cpu/arithmetic.h"
#include "../cpu/select.h"

#pragma STDC FP_CONTRACT OFF

/// The range, and bins a unit of it; both as the contract computes them.
typedef struct qk_histogram_bins {
  float lo, hi, per_unit;
  size_t count;
} qk_histogram_bins;

typedef void (*qk_histogram_fn)(const qk_histogram_bins *bins, size_t n, const float *x, uint64_t *counts,
                                qk_histogram_outside *outside);

/// The bin of a number in lo...hi.
static inline size_t qk_histogram_bin(const qk_histogram_bins *bins, float x) {
  size_t bin = (size_t)((x - bins->lo) * bins->per_unit);
  return bin < bins->count ? bin : bins->count - 1;
}

static inline void qk_histogram_elements(const qk_histogram_bins *bins, size_t n, const float *x,
                                         uint64_t *counts, qk_histogram_outside *outside) {
  for (size_t i = 0; i < n; i++) {
    if (x[i] >= bins->lo && x[i] <= bins->hi)
      counts[qk_histogram_bin(bins, x[i])]++;
    else if (isnan(x[i]))
      outside->nan_count++;
    else if (isinf(x[i]))
      outside->inf_count++;
    else if (x[i] < bins->lo)
      outside->below++;
    else
      outside->above++;
  }
}
