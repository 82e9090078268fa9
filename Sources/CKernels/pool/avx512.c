#if defined(__x86_64__)
#include "../cpu/avx512.h"
#include "pool.h"

QK_AVX512 void qk_max_window_u8_ukernel__avx512(const qk_window *window, uint8_t *y) {
  for (size_t first = 0; first < window->channels; first += 64) {
    __mmask64 lanes = qk_byte_lanes(window->channels - first);
    __m512i largest = _mm512_setzero_si512();
    for (size_t i = 0; i < window->rows; i++) {
      const uint8_t *x = window->first + i * window->row_step + first;
      for (size_t j = 0; j < window->columns; j++, x += window->column_step)
        largest = _mm512_max_epu8(largest, _mm512_maskz_loadu_epi8(lanes, x));
    }
    _mm512_mask_storeu_epi8(y + first, lanes, largest);
  }
}

QK_AVX512 void qk_average_window_u8_ukernel__avx512(const qk_window *window, const qk_window_average *average,
                                                    uint8_t *y) {
  qk_saturation_avx512 saturation = qk_saturation_avx512_of(average->zero_point, average->lo, average->hi);
  __m512 multiplier = _mm512_set1_ps(average->multiplier);
  for (size_t first = 0; first < window->channels; first += 16) {
    __mmask16 lanes = qk_lanes(window->channels - first);
    __m512i sum = _mm512_set1_epi32(average->bias);
    for (size_t i = 0; i < window->rows; i++) {
      const uint8_t *x = window->first + i * window->row_step + first;
      for (size_t j = 0; j < window->columns; j++, x += window->column_step)
        sum = _mm512_add_epi32(sum, _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(lanes, x)));
    }
    __m512i bytes = qk_requantize_avx512(sum, multiplier, &saturation);
    _mm_mask_storeu_epi8(y + first, lanes, _mm512_cvtepi32_epi8(bytes));
  }
}
#endif
