#pragma once
#include "exponential.h"
#include "product.h"
#include "quantize.h"

/// A layer of LSTM over the vectors x [steps, inputs] of one sample, to hidden states [steps, hidden] on a
/// grid, from zero states. `input` and `recurrent` [4 hidden, ...] give floats; a row of gates is input,
/// forget, candidate, output.
typedef struct qk_lstm {
  const qk_layer *input, *recurrent;
  size_t steps, inputs, hidden;
  uint8_t is_reversed;
  qk_quantizer states;
} qk_lstm;

/// One step: gates [4 n] and the cell before become cell and hidden state.
static inline void qk_lstm_cell(size_t n, const float *gates, float *cell, float *state) {
  for (size_t i = 0; i < n; i++) {
    float in = qk_sigmoid(gates[i]), forget = qk_sigmoid(gates[n + i]);
    float kept = forget * cell[i], fresh = in * qk_tanh(gates[2 * n + i]);
    cell[i] = kept + fresh;
    state[i] = qk_sigmoid(gates[3 * n + i]) * qk_tanh(cell[i]);
  }
}

/// `floats` has room for 10 hidden numbers, `zeros` for hidden bytes.
static inline void qk_lstm_walk(const qk_lstm *lstm, const uint8_t *x, uint8_t *y, float *floats,
                                uint8_t *zeros) {
  const size_t n = lstm->hidden;
  float *sums = floats, *more = floats + 4 * n, *cell = floats + 8 * n, *state = floats + 9 * n;
  for (size_t i = 0; i < n; i++) {
    cell[i] = 0;
    zeros[i] = (uint8_t)lstm->states.zero_point;
  }
  const uint8_t *before = zeros;
  for (size_t step = 0; step < lstm->steps; step++) {
    const size_t position = lstm->is_reversed ? lstm->steps - 1 - step : step;
    qk_layer_outputs(lstm->input, lstm->inputs, 0, 4 * n, x + position * lstm->inputs, sums, 0);
    qk_layer_outputs(lstm->recurrent, n, 0, 4 * n, before, more, 0);
    for (size_t i = 0; i < 4 * n; i++) sums[i] += more[i];
    qk_lstm_cell(n, sums, cell, state);
    qk_quantize_elements(&lstm->states, n, state, y + position * n);
    before = y + position * n;
  }
}
