#if defined(__x86_64__)
#include "../cpu/narrow_avx512.h"
#include "pool.h"

enum {
  BLOCK = 64,
  NARROW = 16,   // channels
  SUMMED = 256,  // bytes whose sum fits in 16 bits
};

/// Windows of few channels, as many as lie within 64 bytes, as one of that many channels: what lies between
/// them is worked on for nothing.
typedef struct bundle {
  size_t windows;
  __mmask64 lanes;
  __mmask16 channels;
} bundle;

QK_AVX512_INLINE bool is_narrow(const qk_windows *w) { return w->channels <= NARROW; }

/// Most windows of a bundle.
QK_AVX512_INLINE size_t windows_at_once(const qk_windows *w) {
  return w->step < BLOCK - w->channels ? (BLOCK - w->channels) / w->step + 1 : 1;
}

QK_AVX512_INLINE bundle bundle_of(const qk_windows *w, size_t windows) {
  return (bundle){windows, qk_byte_lanes((windows - 1) * w->step + w->channels), qk_lanes(w->channels)};
}

/// The windows' own bytes, one after the other.
QK_AVX512_INLINE void store_bundle(const qk_windows *w, bundle b, __m512i bytes, uint8_t *y) {
  _Alignas(BLOCK) uint8_t all[BLOCK + NARROW];
  _mm512_store_si512(all, bytes);
  for (size_t k = 0; k < b.windows; k++)
    _mm_mask_storeu_epi8(y + k * w->channels, b.channels,
                         _mm_loadu_si128((const __m128i *)(all + k * w->step)));
}

QK_AVX512_INLINE __m512i max_pixels(const qk_windows *w, const uint8_t *first, __mmask64 lanes) {
  __m512i largest = _mm512_setzero_si512();
  for (size_t i = 0; i < w->rows; i++, first += w->row_step) {
    const uint8_t *x = first;
    for (size_t j = 0; j < w->columns; j++, x += w->column_step)
      largest = _mm512_max_epu8(largest, _mm512_maskz_loadu_epi8(lanes, x));
  }
  return largest;
}

QK_AVX512 void qk_max_windows_u8_ukernel__avx512(const qk_windows *windows, uint8_t *y) {
  const qk_windows w = *windows;
  const size_t at_once = is_narrow(&w) ? windows_at_once(&w) : 0;
  for (size_t i = 0; at_once && i < w.count;) {
    const bundle b = bundle_of(&w, w.count - i < at_once ? w.count - i : at_once);
    store_bundle(&w, b, max_pixels(&w, w.first + i * w.step, b.lanes), y + i * w.channels);
    i += b.windows;
  }
  for (size_t c = 0; c < w.channels && !at_once; c += BLOCK) {
    const __mmask64 lanes = qk_byte_lanes(w.channels - c);
    for (size_t i = 0; i < w.count; i++)
      _mm512_mask_storeu_epi8(y + i * w.channels + c, lanes, max_pixels(&w, w.first + i * w.step + c, lanes));
  }
}

/// sums += the pixels of one row. Unpacking works within 128-bit quarters: sum j has dword j of each quarter
/// of the channels, the order in which qk_requantize_bytes_avx512 puts bytes together again.
QK_AVX512_INLINE void add_row(const qk_windows *w, const uint8_t *x, __mmask64 lanes, __m512i sums[4]) {
  const __m512i zero = _mm512_setzero_si512();
  for (size_t done = 0; done < w->columns;) {
    const size_t end = w->columns - done < SUMMED ? w->columns : done + SUMMED;
    __m512i low = zero, high = zero;
    for (; done < end; done++, x += w->column_step) {
      __m512i pixel = _mm512_maskz_loadu_epi8(lanes, x);
      low = _mm512_add_epi16(low, _mm512_unpacklo_epi8(pixel, zero));
      high = _mm512_add_epi16(high, _mm512_unpackhi_epi8(pixel, zero));
    }
    sums[0] = _mm512_add_epi32(sums[0], _mm512_unpacklo_epi16(low, zero));
    sums[1] = _mm512_add_epi32(sums[1], _mm512_unpackhi_epi16(low, zero));
    sums[2] = _mm512_add_epi32(sums[2], _mm512_unpacklo_epi16(high, zero));
    sums[3] = _mm512_add_epi32(sums[3], _mm512_unpackhi_epi16(high, zero));
  }
}

/// What averages have in common, in registers.
typedef struct averaging {
  __m512i bias;
  __m512 multiplier;
  qk_bytes_avx512 to_bytes;
} averaging;

QK_AVX512_INLINE __m512i average_pixels(const qk_windows *w, const averaging *a, const uint8_t *first,
                                        __mmask64 lanes) {
  __m512i sums[4] = {a->bias, a->bias, a->bias, a->bias};
  const __m512 multipliers[4] = {a->multiplier, a->multiplier, a->multiplier, a->multiplier};
  for (size_t i = 0; i < w->rows; i++, first += w->row_step) add_row(w, first, lanes, sums);
  return qk_requantize_bytes_avx512(sums, multipliers, &a->to_bytes);
}

QK_AVX512 void qk_average_windows_u8_ukernel__avx512(const qk_windows *windows,
                                                     const qk_window_average *average, uint8_t *y) {
  const qk_windows w = *windows;
  const qk_output output = {QK_OUTPUT_U8, average->zero_point, average->lo, average->hi};
  const averaging a = {_mm512_set1_epi32(average->bias), _mm512_set1_ps(average->multiplier),
                       qk_bytes_avx512_of(&output)};
  const size_t at_once = is_narrow(&w) ? windows_at_once(&w) : 0;
  for (size_t i = 0; at_once && i < w.count;) {
    const bundle b = bundle_of(&w, w.count - i < at_once ? w.count - i : at_once);
    store_bundle(&w, b, average_pixels(&w, &a, w.first + i * w.step, b.lanes), y + i * w.channels);
    i += b.windows;
  }
  for (size_t c = 0; c < w.channels && !at_once; c += BLOCK) {
    const __mmask64 lanes = qk_byte_lanes(w.channels - c);
    for (size_t i = 0; i < w.count; i++)
      _mm512_mask_storeu_epi8(y + i * w.channels + c, lanes,
                              average_pixels(&w, &a, w.first + i * w.step + c, lanes));
  }
}
#endif
