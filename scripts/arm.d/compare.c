#define _GNU_SOURCE
#include "compare.h"

#include <float.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#pragma STDC FP_CONTRACT OFF  // or machines would draw different numbers

enum { GUARD = 1 << 16, REGION = 1 << 22, REGIONS = 20 };  // no system's pages are larger than GUARD

static char description[256];
static const qk_isa_level *current;
static size_t cases, used_regions;
static uint64_t digest;
static uint8_t expected[REGION];

// ---- one case

static void report_fault(int number) {
  char line[400];
  int length = snprintf(line, sizeof line, "arm: %s: signal %d in %s\n", current ? current->name : "?",
                        number, description);
  (void)!write(STDERR_FILENO, line, (size_t)length);
  _exit(1);
}

void begin_case(const char *text, ...) {
  if (cases == 0) {
    const int faults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) signal(faults[i], report_fault);
  }
  va_list arguments;
  va_start(arguments, text);
  vsnprintf(description, sizeof description, text, arguments);
  va_end(arguments);
  cases++;
  used_regions = 0;
}

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *text, ...) {
  va_list arguments;
  va_start(arguments, text);
  fflush(stdout);
  fprintf(stderr, "arm: %s: ", current ? current->name : "?");
  vfprintf(stderr, text, arguments);
  fprintf(stderr, " in %s\n", description);
  va_end(arguments);
  exit(1);
}

void *place(size_t bytes, size_t alignment) {
  static uint8_t *regions[REGIONS];
  if (bytes > REGION || used_regions == REGIONS) fail("no room for %zu bytes", bytes);
  uint8_t **region = &regions[used_regions++];
  if (!*region) {
    *region = mmap(NULL, REGION + 2 * GUARD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (*region == MAP_FAILED) fail("no memory");
    mprotect(*region, GUARD, PROT_NONE);
    mprotect(*region + GUARD + REGION, GUARD, PROT_NONE);
  }
  bool at_start = (cases + used_regions) % 2;  // not drawn: cases shall not depend on the number of levels
  size_t from_start = at_start ? 0 : (REGION - bytes) / alignment * alignment;
  return *region + GUARD + from_start;
}

const qk_isa_level *next_level(const qk_isa_level *level) {
  size_t count;
  const qk_isa_level *levels = qk_isa_levels(&count);
  for (size_t i = level ? (size_t)(level - levels) + 1 : 0; i < count; i++)
    if ((levels[i].isa & ~qk_cpu()) == 0) return current = &levels[i];
  return NULL;
}

void clear(void *y, size_t bytes) { memset(y, 0xa5, bytes); }

void succeed(qk_status status) {
  if (status != QK_OK) fail("%s", qk_status_message(status));
}

void agree(const qk_isa_level *level, const void *y, size_t bytes) {
  const uint8_t *actual = y;
  if (bytes > sizeof expected) fail("%zu bytes are too many to compare", bytes);
  if (level->isa == QK_PORTABLE) {
    memcpy(expected, actual, bytes);
    for (size_t i = 0; i < bytes; i++) digest = (digest ^ actual[i]) * 0x100000001b3;  // FNV-1a
    return;
  }
  for (size_t i = 0; i < bytes; i++)
    if (actual[i] != expected[i])
      fail("byte %zu of the output is %d, portable gives %d", i, actual[i], expected[i]);
}

void agree_floats(const qk_isa_level *level, float *y, size_t count) {
  const uint32_t one_nan = 0x7fc00000;
  for (size_t i = 0; i < count; i++)
    if (isnan(y[i])) memcpy(&y[i], &one_nan, sizeof one_nan);
  agree(level, y, count * sizeof *y);
}

void finish(const char *name) {
  printf("%-12s %5zu cases, digest %016llx\n", name, cases, (unsigned long long)digest);
  fflush(stdout);
  cases = 0;
  digest = 0;
}

// ---- random numbers

/// SplitMix64's upper half.
uint32_t draw(void) {
  static uint64_t state = 1;
  state += 0x9e3779b97f4a7c15;
  uint64_t z = state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (uint32_t)((z ^ (z >> 31)) >> 32);
}

size_t draw_size(size_t least, size_t most) { return least + draw() % (most - least + 1); }

float draw_float(float least, float most) {
  return least + (most - least) * ((float)(draw() >> 8) * 0x1p-24f);
}

void draw_bytes(void *bytes, size_t count) {
  static const uint8_t extremes[] = {0, 127, 128, 255};
  uint8_t *to = bytes;
  switch (draw() % 4) {
    case 0:
      for (size_t i = 0; i < count; i++) to[i] = extremes[draw() % 4];
      break;
    case 1:
      memset(to, extremes[draw() % 4], count);
      break;
    default:
      for (size_t i = 0; i < count; i++) to[i] = (uint8_t)draw();
  }
}

float draw_scale(float usual) {
  static const float rare[] = {1e-42f, 1e-20f, 1e9f, FLT_MAX, 0.5f, 0.25f, 0.125f, 1};
  return draw() % 4 ? usual * draw_float(0.2f, 2) : rare[draw() % 8];
}

static float any_float(void) {
  uint32_t bits = draw();
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

void draw_floats(float *numbers, size_t count) {
  static const float special[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 1e-42f, FLT_MAX, -FLT_MAX, 0.5f, -2.5f};
  bool is_usual = draw() % 2;
  for (size_t i = 0; i < count; i++) {
    numbers[i] = draw_float(-100, 100);
    if (is_usual || draw() % 2) continue;
    numbers[i] = draw() % 2 ? any_float() : special[draw() % (sizeof special / sizeof *special)];
  }
}

void draw_bounds(bool is_signed, uint8_t *zero_point, uint8_t *lo, uint8_t *hi) {
  uint8_t bias = is_signed ? 0x80 : 0, low = 0, high = 255;
  if (draw() % 2) {
    low = (uint8_t)draw_size(0, 255);
    high = (uint8_t)draw_size(low, 255);
  }
  *zero_point = (uint8_t)draw();
  *lo = low ^ bias;
  *hi = high ^ bias;
}

qk_output draw_output(void) {
  static const qk_output_kind kinds[] = {QK_OUTPUT_U8, QK_OUTPUT_U8, QK_OUTPUT_S8, QK_OUTPUT_S32,
                                         QK_OUTPUT_F32};
  qk_output output = {.kind = kinds[draw() % 5]};
  draw_bounds(output.kind == QK_OUTPUT_S8, &output.zero_point, &output.lo, &output.hi);
  return output;
}
