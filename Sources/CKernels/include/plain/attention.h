#pragma once
#include "softmax.h"

/// softmax(q k^T) v for each head: q [queries, heads * key_size], k [keys, heads * key_size] and
/// v [keys, heads * value_size], k and v of zero point 128. Scores are u8, probabilities u8 of scale 1/256.
typedef struct qk_attention {
  size_t queries, keys, heads, key_size, value_size;
  const uint32_t *exponential;  // of the scores
  float score_multiplier, multiplier;
  uint8_t is_causal, q_zero_point, score_zero_point, zero_point, lo, hi;
} qk_attention;

/// Scores of one query with the first `n` keys, which lie `stride` bytes apart.
static inline void qk_attention_scores(const qk_attention *a, size_t n, size_t stride, const uint8_t *q,
                                       const uint8_t *k, uint8_t *scores) {
  for (size_t i = 0; i < n; i++, k += stride) {
    int32_t sum = 0;
    for (size_t d = 0; d < a->key_size; d++) sum += (int32_t)(q[d] - a->q_zero_point) * (k[d] - 128);
    scores[i] = qk_requantize(sum, a->score_multiplier, a->score_zero_point, 0, 255);
  }
}

/// y [value_size] = the first `n` values, weighted by their probabilities.
static inline void qk_attention_values(const qk_attention *a, size_t n, size_t stride,
                                       const uint8_t *probability, const uint8_t *v, uint8_t *y) {
  enum { LANES = 16 };
  for (size_t first = 0; first < a->value_size; first += LANES) {
    const size_t lanes = a->value_size - first < LANES ? a->value_size - first : LANES;
    int32_t sums[LANES] = {0};
    for (size_t i = 0; i < n; i++) {
      const uint8_t *value = v + i * stride + first;
      const int32_t p = probability[i];
      if (lanes == LANES) {
        for (size_t e = 0; e < LANES; e++) sums[e] += p * (value[e] - 128);
      } else {
        for (size_t e = 0; e < lanes; e++) sums[e] += p * (value[e] - 128);
      }
    }
    for (size_t e = 0; e < lanes; e++)
      y[first + e] = qk_requantize(sums[e], a->multiplier, a->zero_point, a->lo, a->hi);
  }
}

/// One sample; `scores` has room for a byte for each key.
static inline void qk_attend(const qk_attention *a, const uint8_t *q, const uint8_t *k, const uint8_t *v,
                             uint8_t *y, uint8_t *scores) {
  const size_t key_stride = a->heads * a->key_size, value_stride = a->heads * a->value_size;
  for (size_t t = 0; t < a->queries; t++, q += key_stride, y += value_stride) {
    const size_t n = a->is_causal && t + 1 < a->keys ? t + 1 : a->keys;
    for (size_t h = 0; h < a->heads; h++) {
      const size_t key = h * a->key_size, value = h * a->value_size;
      qk_attention_scores(a, n, key_stride, q + key, k + key, scores);
      qk_softmax_elements(a->exponential, 256.0f, 0, n, scores, scores);
      qk_attention_values(a, n, value_stride, scores, v + value, y + value);
    }
  }
}
