#pragma once
// Partial loads and stores, and the contract's output stage on 4 accumulators at once. Include in files for
// 64-bit Arm only.
#include <arm_neon.h>
#include <string.h>

#include "store.h"

#pragma STDC FP_CONTRACT OFF

#define QK_NEON_INLINE static inline __attribute__((always_inline))

/// qk_output in registers.
typedef struct qk_saturation_neon {
  float32x4_t least, most;  // lo and hi less the zero point
  int32x4_t zero_point;
} qk_saturation_neon;

QK_NEON_INLINE qk_saturation_neon qk_saturation_neon_of(int32_t zero_point, int32_t lo, int32_t hi) {
  return (qk_saturation_neon){vdupq_n_f32((float)(lo - zero_point)), vdupq_n_f32((float)(hi - zero_point)),
                              vdupq_n_s32(zero_point)};
}

/// For a byte output: saturated words whose low bytes are the output, whichever its sign.
QK_NEON_INLINE qk_saturation_neon qk_saturation_neon_of_output(const qk_output *output) {
  return qk_saturation_neon_of(qk_output_number(output, output->zero_point),
                               qk_output_number(output, output->lo), qk_output_number(output, output->hi));
}

/// qk_saturate on 4 lanes. fmaxnm returns the number where the other operand is a quiet NaN, as the
/// comparison there does, and arithmetic makes only quiet ones.
QK_NEON_INLINE int32x4_t qk_saturate_neon(float32x4_t t, const qk_saturation_neon *s) {
  t = vminnmq_f32(vmaxnmq_f32(t, s->least), s->most);
  return vaddq_s32(vcvtnq_s32_f32(t), s->zero_point);
}

QK_NEON_INLINE int32x4_t qk_requantize_neon(int32x4_t acc, float32x4_t multiplier,
                                            const qk_saturation_neon *s) {
  return qk_saturate_neon(vmulq_f32(vcvtq_f32_s32(acc), multiplier), s);
}

/// The low bytes of 16 words.
QK_NEON_INLINE uint8x16_t qk_low_bytes_neon(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d) {
  int16x8_t ab = vuzp1q_s16(vreinterpretq_s16_s32(a), vreinterpretq_s16_s32(b));
  int16x8_t cd = vuzp1q_s16(vreinterpretq_s16_s32(c), vreinterpretq_s16_s32(d));
  return vuzp1q_u8(vreinterpretq_u8_s16(ab), vreinterpretq_u8_s16(cd));
}

/// f32(x - zero_point) of 16 bytes.
QK_NEON_INLINE void qk_floats_neon(uint8x16_t x, uint8_t zero_point, float32x4_t numbers[4]) {
  int16x8_t low = vreinterpretq_s16_u16(vsubl_u8(vget_low_u8(x), vdup_n_u8(zero_point)));
  int16x8_t high = vreinterpretq_s16_u16(vsubl_high_u8(x, vdupq_n_u8(zero_point)));
  numbers[0] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(low)));
  numbers[1] = vcvtq_f32_s32(vmovl_high_s16(low));
  numbers[2] = vcvtq_f32_s32(vmovl_s16(vget_low_s16(high)));
  numbers[3] = vcvtq_f32_s32(vmovl_high_s16(high));
}

/// qk_saturate on 16 numbers, as bytes.
QK_NEON_INLINE uint8x16_t qk_saturate_bytes_neon(const float32x4_t t[4], const qk_saturation_neon *s) {
  return qk_low_bytes_neon(qk_saturate_neon(t[0], s), qk_saturate_neon(t[1], s), qk_saturate_neon(t[2], s),
                           qk_saturate_neon(t[3], s));
}

/// `count` bytes, 0...8, and zeros above them; nothing past them is read. Loads may overlap.
static inline uint64_t qk_load_word(const uint8_t *x, size_t count) {
  if (count >= 8) {
    uint64_t word;
    memcpy(&word, x, sizeof word);
    return word;
  }
  if (count >= 4) {
    uint32_t low, high;
    memcpy(&low, x, sizeof low);
    memcpy(&high, x + count - sizeof high, sizeof high);
    return low | (uint64_t)high << 8 * (count - sizeof high);
  }
  uint32_t word = 0;
  if (count > 0) word = x[0];
  if (count > 1) word |= (uint32_t)x[1] << 8;
  if (count > 2) word |= (uint32_t)x[2] << 16;
  return word;
}

/// The first `count` bytes of `word`, 0...8.
static inline void qk_store_word(uint64_t word, size_t count, uint8_t *y) {
  if (count >= 8) {
    memcpy(y, &word, sizeof word);
    return;
  }
  if (count >= 4) {
    uint32_t low = (uint32_t)word;
    memcpy(y, &low, sizeof low);
    word >>= 32, y += sizeof low, count -= sizeof low;
  }
  if (count > 0) y[0] = (uint8_t)word;
  if (count > 1) y[1] = (uint8_t)(word >> 8);
  if (count > 2) y[2] = (uint8_t)(word >> 16);
}

/// The first `count` of 16 bytes and zeros after them, all of them from 16 on; nothing past them is read.
QK_NEON_INLINE uint8x16_t qk_load_bytes_neon(const uint8_t *x, size_t count) {
  if (count >= 16) return vld1q_u8(x);
  uint64_t high = count > 8 ? qk_load_word(x + 8, count - 8) : 0;
  return vcombine_u8(vcreate_u8(qk_load_word(x, count)), vcreate_u8(high));
}

/// The first `count` of 16 bytes, all of them from 16 on.
QK_NEON_INLINE void qk_store_bytes_neon(uint8x16_t bytes, size_t count, uint8_t *y) {
  if (count >= 16) {
    vst1q_u8(y, bytes);
    return;
  }
  uint64x2_t words = vreinterpretq_u64_u8(bytes);
  qk_store_word(vgetq_lane_u64(words, 0), count, y);
  if (count > 8) qk_store_word(vgetq_lane_u64(words, 1), count - 8, y + 8);
}

/// The first `count` of 4 words, all of them from 4 on.
QK_NEON_INLINE void qk_store_words_neon(int32x4_t words, size_t count, void *y) {
  if (count >= 4) {
    vst1q_u8(y, vreinterpretq_u8_s32(words));
    return;
  }
  uint8x16_t bytes = vreinterpretq_u8_s32(words);
  qk_store_bytes_neon(bytes, count * sizeof(int32_t), y);
}

/// Accumulators, or what QK_OUTPUT_F32 makes of them.
QK_NEON_INLINE int32x4_t qk_output_words_neon(const qk_output *output, int32x4_t acc,
                                              float32x4_t multiplier) {
  if (output->kind != QK_OUTPUT_F32) return acc;
  return vreinterpretq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc), multiplier));
}
