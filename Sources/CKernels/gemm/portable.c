#include "gemm.h"

enum { WIDTH = 16 };

/// sums += a * w. A product fits in 16 bits; taking all of them first lets compilers use narrow vector
/// instructions. Sums are unsigned, so that an overflowing bias wraps as it does in vector registers.
static inline void add_products(uint32_t sums[WIDTH], int16_t a, const int8_t w[WIDTH]) {
  int16_t products[WIDTH];
  for (size_t n = 0; n < WIDTH; n++) products[n] = (int16_t)(a * w[n]);
  for (size_t n = 0; n < WIDTH; n++) sums[n] += (uint32_t)products[n];
}

void qk_gemm_u8s8_ukernel_16x16k1__portable(const qk_gemm_tile *tile) {
  for (size_t row = 0; row < tile->row_count; row++) {
    uint32_t sums[WIDTH];
    for (size_t n = 0; n < WIDTH; n++) sums[n] = (uint32_t)tile->bias[n];
    const int8_t *w = tile->weights;
    for (size_t run = 0; run < tile->runs; run++) {
      const uint8_t *a = tile->rows[row] + tile->run_offsets[run];
      for (size_t k = 0; k < tile->run_steps; k++, w += WIDTH) add_products(sums, a[k] ^ tile->flip, w);
    }
    void *y = qk_output_at(tile->output, tile->y, row * tile->y_stride);
    qk_store(tile->output, (const int32_t *)sums, tile->multiplier, tile->columns, y);
  }
}
