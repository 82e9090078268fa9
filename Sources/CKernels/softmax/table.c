// e^-t by operations that round the same everywhere, unlike the exp of a math library.
#include <math.h>

#include "softmax.h"

#pragma STDC FP_CONTRACT OFF

/// e^-t for t >= 0, to within a few units of the last place: t = k ln 2 + r with |r| <= ln 2 / 2, and the
/// Taylor series of e^-r.
static double exp_of_minus(double t) {
  const double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
  const int last_term = 14;
  if (t > 60) return 0;
  int k = (int)(t * 0x1.71547652b82fep+0 + 0.5);
  double r = (t - k * ln2_high) - k * ln2_low;
  double series = 1;
  for (int term = last_term; term > 0; term--) series = 1 - series * r / term;
  return ldexp(series, -k);
}

qk_status qk_softmax_u8_prepare(float x_scale, float y_scale, uint8_t zero_point,
                                qk_softmax_u8_table *table) {
  if (!qk_is_scale(x_scale) || !qk_is_scale(y_scale) || y_scale < 0x1p-30f) return QK_BAD_SCALE;
  table->inverse_scale = 1.0f / y_scale;
  table->zero_point = zero_point;
  for (int d = 0; d < 256; d++) {
    uint32_t exponential = (uint32_t)rint(0x1p23 * exp_of_minus((double)x_scale * d));
    table->exponential[d] = exponential;
    for (int plane = 0; plane < 3; plane++) table->planes[plane][d] = (uint8_t)(exponential >> 8 * plane);
  }
  return QK_OK;
}
