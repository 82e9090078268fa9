#include "gemm.h"

enum { WIDTH = 16 };

// Sums are unsigned, so that an overflowing bias wraps as it does in vector registers.
void qk_gemm_u8s8_ukernel_16x16k1__portable(const qk_gemm_tile *tile) {
  for (size_t row = 0; row < tile->row_count; row++) {
    uint32_t sum[WIDTH];
    for (size_t n = 0; n < WIDTH; n++) sum[n] = (uint32_t)tile->bias[n];
    const int8_t *w = tile->weights;
    for (size_t run = 0; run < tile->runs; run++) {
      const uint8_t *a = tile->rows[row] + tile->run_offsets[run];
      for (size_t k = 0; k < tile->run_steps; k++, w += WIDTH)
        for (size_t n = 0; n < WIDTH; n++) sum[n] += (uint32_t)(a[k] * w[n]);
    }
    void *y = qk_output_at(tile->output, tile->y, row * tile->y_stride);
    qk_store(tile->output, (const int32_t *)sum, tile->multiplier, tile->columns, y);
  }
}
