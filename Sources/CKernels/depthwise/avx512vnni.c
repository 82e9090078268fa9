#if defined(__x86_64__)
// 64 channels at once, four taps at once. Interleaving the bytes of four taps gives vpdpbusd four taps of a
// channel in each lane. Interleaving works within 128-bit quarters, so that lane i of quarter q of sum j is
// channel 16 q + 4 j + i: the order qk_depthwise_slot packs. Narrowing the four sums to bytes restores the
// plain order by itself.
#include "../cpu/avx512.h"
#include "depthwise.h"

enum { BLOCK = 64, GROUP = 4, SUMS = 4, LANES = 16 };

/// sums += `count` taps (1...4) of 64 channels, with the weights of their group. Taps past `count` have
/// weights 0, so that the first one stands in for them.
QK_AVX512_INLINE void add_group(const uint8_t *const *taps, size_t count, ptrdiff_t offset,
                                __mmask64 channels, const __m512i weights[SUMS], __m512i sums[SUMS]) {
  __m512i a = _mm512_maskz_loadu_epi8(channels, taps[0] + offset), b = a, c = a, d = a;
  if (count > 1) b = _mm512_maskz_loadu_epi8(channels, taps[1] + offset);
  if (count > 2) c = _mm512_maskz_loadu_epi8(channels, taps[2] + offset);
  if (count > 3) d = _mm512_maskz_loadu_epi8(channels, taps[3] + offset);
  __m512i ab_low = _mm512_unpacklo_epi8(a, b), ab_high = _mm512_unpackhi_epi8(a, b);
  __m512i cd_low = _mm512_unpacklo_epi8(c, d), cd_high = _mm512_unpackhi_epi8(c, d);
  sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(ab_low, cd_low), weights[0]);
  sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(ab_low, cd_low), weights[1]);
  sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(ab_high, cd_high), weights[2]);
  sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(ab_high, cd_high), weights[3]);
}

QK_AVX512_INLINE void load_group(const int8_t *weights, size_t group, __m512i to[SUMS]) {
  for (size_t j = 0; j < SUMS; j++) to[j] = _mm512_loadu_si512(weights + (group * SUMS + j) * 64);
}

QK_AVX512_INLINE void store_bytes(const __m512i sums[SUMS], const float *multiplier,
                                  const qk_saturation_avx512 *s, bool is_signed, __mmask64 channels,
                                  uint8_t *y) {
  __m512i words[SUMS];
  for (int j = 0; j < SUMS; j++)
    words[j] = qk_requantize_avx512(sums[j], _mm512_loadu_ps(multiplier + j * LANES), s);
  __m512i low = _mm512_packs_epi32(words[0], words[1]), high = _mm512_packs_epi32(words[2], words[3]);
  __m512i bytes = is_signed ? _mm512_packs_epi16(low, high) : _mm512_packus_epi16(low, high);
  _mm512_mask_storeu_epi8(y, channels, bytes);
}

/// Transposes four vectors of four quarters: to[q] quarter j = from[j] quarter q.
QK_AVX512_INLINE void exchange_quarters(const __m512i from[SUMS], __m512i to[SUMS]) {
  __m512i low[2], high[2];
  for (int i = 0; i < 2; i++) {
    low[i] = _mm512_shuffle_i32x4(from[2 * i], from[2 * i + 1], 0x44);
    high[i] = _mm512_shuffle_i32x4(from[2 * i], from[2 * i + 1], 0xee);
  }
  to[0] = _mm512_shuffle_i32x4(low[0], low[1], 0x88);
  to[1] = _mm512_shuffle_i32x4(low[0], low[1], 0xdd);
  to[2] = _mm512_shuffle_i32x4(high[0], high[1], 0x88);
  to[3] = _mm512_shuffle_i32x4(high[0], high[1], 0xdd);
}

QK_AVX512_INLINE void store_words(const __m512i sums[SUMS], const float *multiplier, bool dequantizes,
                                  size_t channels, int32_t *y) {
  __m512i words[SUMS], ordered[SUMS];
  for (int j = 0; j < SUMS; j++) {
    __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(sums[j]), _mm512_loadu_ps(multiplier + j * LANES));
    words[j] = dequantizes ? _mm512_castps_si512(product) : sums[j];
  }
  exchange_quarters(words, ordered);
  for (size_t q = 0; q < SUMS && channels > q * LANES; q++) {
    _mm512_mask_storeu_epi32(y + q * LANES, qk_lanes(channels - q * LANES), ordered[q]);
  }
}

/// All pixels of the run for the block of channels that starts at `first`. The weights of 3x3 filters, which
/// nearly all networks use, stay in registers.
QK_AVX512_INLINE void convolve_block(const qk_depthwise_run *run, size_t first, const int32_t *bias,
                                     const bool has_nine_taps) {
  const size_t count = run->channels - first < BLOCK ? run->channels - first : BLOCK;
  const __mmask64 channels = qk_byte_lanes(count);
  const float *multiplier = (const float *)(bias + BLOCK);
  const int8_t *weights = (const int8_t *)(multiplier + BLOCK);
  const qk_output *output = run->output;
  qk_saturation_avx512 saturation = qk_saturation_avx512_of_output(output);
  __m512i w[3][SUMS];
  if (has_nine_taps)
    for (size_t g = 0; g < 3; g++) load_group(weights, g, w[g]);

  for (size_t p = 0; p < run->pixels; p++) {
    ptrdiff_t offset = (ptrdiff_t)(p * run->pixel_step + first);
    __m512i sums[SUMS];
    for (int j = 0; j < SUMS; j++) sums[j] = _mm512_loadu_si512(bias + j * LANES);
    if (has_nine_taps) {
      add_group(run->taps, 4, offset, channels, w[0], sums);
      add_group(run->taps + 4, 4, offset, channels, w[1], sums);
      add_group(run->taps + 8, 1, offset, channels, w[2], sums);
    } else {
      for (size_t t = 0; t < run->tap_count; t += GROUP) {
        load_group(weights, t / GROUP, w[0]);
        add_group(run->taps + t, run->tap_count - t, offset, channels, w[0], sums);
      }
    }
    void *y = qk_output_at(output, run->y, p * run->channels + first);
    if (qk_output_is_bytes(output))
      store_bytes(sums, multiplier, &saturation, output->kind == QK_OUTPUT_S8, channels, y);
    else
      store_words(sums, multiplier, output->kind == QK_OUTPUT_F32, count, y);
  }
}

QK_AVX512 static void convolve_nine(const qk_depthwise_run *run, size_t first, const int32_t *bias) {
  convolve_block(run, first, bias, true);
}

QK_AVX512 static void convolve_any(const qk_depthwise_run *run, size_t first, const int32_t *bias) {
  convolve_block(run, first, bias, false);
}

void qk_depthwise_u8s8_ukernel_64c4__avx512vnni(const qk_depthwise_run *run) {
  size_t block_bytes = qk_depthwise_block_bytes(BLOCK, GROUP, run->tap_count);
  const char *block = run->packed;
  for (size_t first = 0; first < run->channels; first += BLOCK, block += block_bytes)
    (run->tap_count == 9 ? convolve_nine : convolve_any)(run, first, (const int32_t *)block);
}
#endif
