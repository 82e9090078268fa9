#if defined(__x86_64__)
#include "../cpu/avx2_bytes.h"
#include "lookup.h"

// vpshufb looks up 16 entries by the low four bits of an index and gives 0 where the index is negative. So 16
// is taken off the index before each next row of 16 entries, and what the rows give is xored: row h counts
// for all indexes from 16 h on. Rows are the differences to the row before, so that table[x] remains. Each
// half of the table is done by itself, since an index has but seven bits beside its sign.

enum { HALVES = 2, ROWS = 8, AT_ONCE = 4 };

typedef struct differences {
  uint8_t half[HALVES][ROWS][16];
} differences;

static void prepare(const uint8_t table[256], differences *differences) {
  uint8_t *to = &differences->half[0][0][0];
  for (int i = 0; i < 256; i++) to[i] = table[i] ^ (i % 128 < 16 ? 0 : table[i - 16]);
}

/// Several vectors at once, so that each row is loaded once for all of them.
QK_AVX2_INLINE void look_up(const differences *differences, int count, __m256i *x) {
  __m256i found[AT_ONCE], index[AT_ONCE];
  for (int v = 0; v < count; v++) found[v] = _mm256_setzero_si256();
  for (int half = 0; half < HALVES; half++) {
    for (int v = 0; v < count; v++) {
      // All bits of what belongs to the other half, so that it stays negative.
      index[v] = _mm256_or_si256(x[v], _mm256_cmpgt_epi8(_mm256_setzero_si256(), x[v]));
      x[v] = _mm256_xor_si256(x[v], _mm256_set1_epi8((char)0x80));
    }
    for (int h = 0; h < ROWS; h++) {
      const __m128i *at = (const __m128i *)differences->half[half][h];
      __m256i row = _mm256_broadcastsi128_si256(_mm_loadu_si128(at));
      for (int v = 0; v < count; v++) {
        found[v] = _mm256_xor_si256(found[v], _mm256_shuffle_epi8(row, index[v]));
        index[v] = _mm256_sub_epi8(index[v], _mm256_set1_epi8(16));
      }
    }
  }
  for (int v = 0; v < count; v++) x[v] = found[v];
}

QK_AVX2_TARGET static void look_up_row(const differences *differences, size_t n, const uint8_t *x,
                                       uint8_t *y) {
  __m256i bytes[AT_ONCE];
  size_t i = 0;
  for (; i + 32 * AT_ONCE <= n; i += 32 * AT_ONCE) {
    for (int v = 0; v < AT_ONCE; v++) bytes[v] = _mm256_loadu_si256((const __m256i *)(x + i) + v);
    look_up(differences, AT_ONCE, bytes);
    for (int v = 0; v < AT_ONCE; v++) _mm256_storeu_si256((__m256i *)(y + i) + v, bytes[v]);
  }
  for (; i + 32 <= n; i += 32) {
    bytes[0] = _mm256_loadu_si256((const __m256i *)(x + i));
    look_up(differences, 1, bytes);
    _mm256_storeu_si256((__m256i *)(y + i), bytes[0]);
  }
  if (i == n) return;
  bytes[0] = qk_load_tail_avx2(x + i, n - i);
  look_up(differences, 1, bytes);
  qk_store_tail_avx2(y + i, n - i, bytes[0]);
}

QK_AVX2_TARGET void qk_lookup_u8_ukernel__avx2(const qk_rows_u8 *rows, const uint8_t table[256]) {
  if (rows->n * rows->count < 256) {  // not worth preparing the rows
    qk_look_up_elements(rows, table);
    return;
  }
  differences differences;
  prepare(table, &differences);
  for (size_t r = 0; r < rows->count; r++)
    look_up_row(&differences, rows->n, rows->x + r * rows->x_stride, rows->y + r * rows->y_stride);
}
#endif
