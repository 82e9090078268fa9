#if defined(__aarch64__)
#include "../cpu/neon.h"
#include "pool.h"

enum { BLOCK = 16 };  // channels

static void max_window(const qk_windows *window, uint8_t *y) {
  for (size_t first = 0; first < window->channels; first += BLOCK) {
    size_t count = window->channels - first;
    uint8x16_t largest = vdupq_n_u8(0);
    for (size_t i = 0; i < window->rows; i++) {
      const uint8_t *x = window->first + i * window->row_step + first;
      for (size_t j = 0; j < window->columns; j++, x += window->column_step)
        largest = vmaxq_u8(largest, qk_load_bytes_neon(x, count));
    }
    qk_store_bytes_neon(largest, count, y + first);
  }
}

/// sums += the pixels of one row. Sums of up to 256 bytes fit in 16 bits.
QK_NEON_INLINE void add_row(const qk_windows *window, const uint8_t *x, size_t count, uint32x4_t sums[4]) {
  for (size_t done = 0; done < window->columns;) {
    size_t end = window->columns - done < 256 ? window->columns : done + 256;
    uint16x8_t low = vdupq_n_u16(0), high = low;
    for (; done < end; done++, x += window->column_step) {
      uint8x16_t pixel = qk_load_bytes_neon(x, count);
      low = vaddw_u8(low, vget_low_u8(pixel));
      high = vaddw_high_u8(high, pixel);
    }
    sums[0] = vaddw_u16(sums[0], vget_low_u16(low));
    sums[1] = vaddw_high_u16(sums[1], low);
    sums[2] = vaddw_u16(sums[2], vget_low_u16(high));
    sums[3] = vaddw_high_u16(sums[3], high);
  }
}

static void average_window(const qk_windows *window, const qk_window_average *average, uint8_t *y) {
  qk_saturation_neon saturation = qk_saturation_neon_of(average->zero_point, average->lo, average->hi);
  for (size_t first = 0; first < window->channels; first += BLOCK) {
    size_t count = window->channels - first;
    uint32x4_t sums[4];
    for (int j = 0; j < 4; j++) sums[j] = vdupq_n_u32((uint32_t)average->bias);
    for (size_t i = 0; i < window->rows; i++)
      add_row(window, window->first + i * window->row_step + first, count, sums);
    float32x4_t products[4];
    for (int j = 0; j < 4; j++)
      products[j] = vmulq_n_f32(vcvtq_f32_s32(vreinterpretq_s32_u32(sums[j])), average->multiplier);
    qk_store_bytes_neon(qk_saturate_bytes_neon(products, &saturation), count, y + first);
  }
}

void qk_max_windows_u8_ukernel__neon(const qk_windows *windows, uint8_t *y) {
  qk_windows window = *windows;
  for (size_t i = 0; i < windows->count; i++, window.first += window.step, y += window.channels)
    max_window(&window, y);
}

void qk_average_windows_u8_ukernel__neon(const qk_windows *windows, const qk_window_average *average,
                                         uint8_t *y) {
  qk_windows window = *windows;
  for (size_t i = 0; i < windows->count; i++, window.first += window.step, y += window.channels)
    average_window(&window, average, y);
}
#endif
