#include "sparse.h"

/// Part of a weight matrix [n, k]: up to `width` columns from `column`, up to `reach` of k from `first`.
typedef struct patch {
  const int8_t *weights;
  size_t k, column, columns, first, depth;
} patch;

static patch patch_of(qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights, size_t column,
                      size_t position) {
  size_t width = qk_sparse_width(kind), reach = qk_sparse_reach(kind), first = position * reach;
  return (patch){.weights = weights + column * k + first,
                 .k = k,
                 .column = column,
                 .columns = n - column < width ? n - column : width,
                 .first = first,
                 .depth = k - first < reach ? k - first : reach};
}

static size_t nonzeros_of_column(const patch *p, size_t column) {
  size_t count = 0;
  for (size_t i = 0; i < p->depth; i++) count += p->weights[column * p->k + i] != 0;
  return count;
}

/// Steps the patch takes: 1 or 0 for a block; for scattered weights what its fullest column needs.
static size_t patch_steps(qk_sparse_kind kind, const patch *p) {
  size_t most = 0;
  for (size_t n = 0; n < p->columns; n++) {
    size_t count = nonzeros_of_column(p, n);
    most = count > most ? count : most;
  }
  return kind == QK_SPARSE_SCATTERED ? (most + QK_SPARSE_DEPTH - 1) / QK_SPARSE_DEPTH : most > 0;
}

static size_t position_count(qk_sparse_kind kind, size_t k) {
  return (k + qk_sparse_reach(kind) - 1) / qk_sparse_reach(kind);
}

size_t qk_sparse_panel_steps(qk_sparse_kind kind, size_t n, size_t k, const int8_t *weights, size_t column) {
  size_t steps = 0;
  for (size_t position = 0; position < position_count(kind, k); position++) {
    patch p = patch_of(kind, n, k, weights, column, position);
    steps += patch_steps(kind, &p);
  }
  return steps;
}

static void write_block(const patch *p, uint8_t *step) {
  for (size_t n = 0; n < p->columns; n++) memcpy(step + n * QK_SPARSE_DEPTH, p->weights + n * p->k, p->depth);
}

static void write_scattered(const patch *p, uint8_t *steps) {
  for (size_t n = 0; n < p->columns; n++) {
    size_t count = 0;
    for (size_t i = 0; i < p->depth; i++) {
      int8_t weight = p->weights[n * p->k + i];
      if (weight == 0) continue;
      uint8_t *slot = steps + count / QK_SPARSE_DEPTH * 2 * QK_SPARSE_WINDOW + n * QK_SPARSE_DEPTH +
                      count % QK_SPARSE_DEPTH;
      slot[0] = (uint8_t)i;
      slot[QK_SPARSE_WINDOW] = (uint8_t)weight;
      count++;
    }
  }
}

static void write_outputs(const qk_sparse_matrix *m, const int8_t *weights, size_t column,
                          const int32_t *bias, const float *multiplier, uint8_t zero_point,
                          int32_t *panel_bias) {
  size_t width = qk_sparse_width(m->kind);
  float *panel_multiplier = (float *)(panel_bias + width);
  for (size_t n = 0; n < width && column + n < m->n; n++) {
    uint32_t sum = 0;
    for (size_t i = 0; i < m->k; i++) sum += (uint32_t)weights[(column + n) * m->k + i];
    panel_bias[n] = (int32_t)((bias ? (uint32_t)bias[column + n] : 0) - zero_point * sum);
    panel_multiplier[n] = multiplier ? multiplier[column + n] : 1.0f;
  }
}

/// Writes the positions and steps of a panel; its counts are in place.
static void write_steps(const qk_sparse_matrix *m, const int8_t *weights, size_t column,
                        qk_sparse_panel *panel, uint16_t *positions, uint8_t *steps) {
  for (size_t position = 0; position < position_count(m->kind, m->k); position++) {
    patch p = patch_of(m->kind, m->n, m->k, weights, column, position);
    size_t count = patch_steps(m->kind, &p);
    if (m->kind == QK_SPARSE_SCATTERED)
      write_scattered(&p, steps);
    else if (count > 0)
      write_block(&p, steps);
    for (size_t i = 0; i < count; i++) *positions++ = (uint16_t)position;
    steps += count * qk_sparse_step_bytes(m->kind);
    if (p.depth < qk_sparse_reach(m->kind))
      panel->tail_count = (uint32_t)count;
    else
      panel->step_count += (uint32_t)count;
  }
}

void qk_sparse_pack_panels(const qk_sparse_matrix *m, const int8_t *weights, const int32_t *bias,
                           const float *multiplier, uint8_t zero_point, void *panels) {
  char *at = panels;
  for (size_t column = 0; column < m->n; column += qk_sparse_width(m->kind)) {
    size_t steps = qk_sparse_panel_steps(m->kind, m->n, m->k, weights, column);
    size_t start = qk_sparse_panel_start(m->kind), positions = qk_sparse_positions_bytes(steps);
    size_t bytes = start + positions + steps * qk_sparse_step_bytes(m->kind);
    memset(at, 0, bytes);
    qk_sparse_panel *panel = (qk_sparse_panel *)(void *)at;
    panel->bytes = bytes;
    write_outputs(m, weights, column, bias, multiplier, zero_point, (int32_t *)(void *)(panel + 1));
    write_steps(m, weights, column, panel, (uint16_t *)(void *)(at + start),
                (uint8_t *)at + start + positions);
    at += bytes;
  }
}
