// What the processor and its operating system can run.
#include "qk_cpu.h"

#if defined(__x86_64__)

uint32_t qk_cpu(void) {
  uint32_t isa = QK_PORTABLE;
  __builtin_cpu_init();  // also checks that the operating system saves the wide registers
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) isa |= QK_AVX2;
  if (__builtin_cpu_supports("avxvnni")) isa |= QK_AVXVNNI;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni"))
    isa |= QK_AVX512VNNI;
  if ((isa & QK_AVX512VNNI) && __builtin_cpu_supports("avx512vbmi")) isa |= QK_AVX512VBMI;
  return isa;
}

#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

uint32_t qk_cpu(void) {
  uint32_t isa = QK_NEON;
  if (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) isa |= QK_NEONDOT;
  if (getauxval(AT_HWCAP2) & HWCAP2_I8MM) isa |= QK_NEONI8MM;
  return isa;
}

#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>

uint32_t qk_cpu(void) {
  uint32_t isa = QK_NEON | QK_NEONDOT;  // M1 has it already
  int has_i8mm = 0;
  size_t size = sizeof has_i8mm;
  if (sysctlbyname("hw.optional.arm.FEAT_I8MM", &has_i8mm, &size, NULL, 0) == 0 && has_i8mm)
    isa |= QK_NEONI8MM;
  return isa;
}

#elif defined(__aarch64__)

uint32_t qk_cpu(void) { return QK_NEON; }

#else

uint32_t qk_cpu(void) { return QK_PORTABLE; }

#endif
