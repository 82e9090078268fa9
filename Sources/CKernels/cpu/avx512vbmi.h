#pragma once
// Tables of 256 bytes held in registers. Include in files for x86-64 only.
#include "avx512.h"

/// What functions that permute bytes across a register are compiled for.
#define QK_AVX512VBMI_TARGET \
  __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512vbmi")))
#define QK_AVX512VBMI_INLINE QK_AVX512VBMI_TARGET static inline __attribute__((always_inline))

/// 64 entries in each register.
typedef struct qk_table_avx512 {
  __m512i part[4];
} qk_table_avx512;

QK_AVX512VBMI_INLINE qk_table_avx512 qk_table_avx512_of(const uint8_t table[256]) {
  return (qk_table_avx512){{_mm512_loadu_si512(table), _mm512_loadu_si512(table + 64),
                            _mm512_loadu_si512(table + 128), _mm512_loadu_si512(table + 192)}};
}

/// table[x] for 64 bytes: a permutation of two registers takes seven bits of the index, the eighth chooses.
QK_AVX512VBMI_INLINE __m512i qk_look_up_avx512(const qk_table_avx512 *table, __m512i x) {
  __m512i low = _mm512_permutex2var_epi8(table->part[0], x, table->part[1]);
  __m512i high = _mm512_permutex2var_epi8(table->part[2], x, table->part[3]);
  return _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
}
