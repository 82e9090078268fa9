#include "qk_cpu.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// `extra` is used where the processor has it, and not missed elsewhere.
static const struct {
  const char *name;
  uint32_t isa, extra;
} known[] = {
    {"portable", QK_PORTABLE, 0},
#if defined(__x86_64__)
    {"avx2", QK_AVX2, 0},
    {"avxvnni", QK_AVX2 | QK_AVXVNNI, 0},
    {"avx512vnni", QK_AVX2 | QK_AVX512VNNI, QK_AVX512VBMI},
#elif defined(__aarch64__)
    {"neon", QK_NEON, 0},
    {"neondot", QK_NEON | QK_NEONDOT, 0},
    {"neoni8mm", QK_NEON | QK_NEONDOT | QK_NEONI8MM, 0},
#endif
};
enum { LEVEL_COUNT = sizeof known / sizeof *known };

static pthread_once_t levels_once = PTHREAD_ONCE_INIT;
static qk_isa_level known_here[LEVEL_COUNT];

static void add_extras(void) {
  for (size_t i = 0; i < LEVEL_COUNT; i++)
    known_here[i] = (qk_isa_level){known[i].name, known[i].isa | (known[i].extra & qk_cpu())};
}

static const qk_isa_level *all_levels(void) {
  pthread_once(&levels_once, add_extras);
  return known_here;
}

const qk_isa_level *qk_isa_levels(size_t *count) {
  *count = LEVEL_COUNT;
  return all_levels();
}

static bool runs_here(const qk_isa_level *level) { return (level->isa & ~qk_cpu()) == 0; }

/// "portable, avx2": the names of all levels, or only of those that run here.
static void list_levels(char *text, size_t size, bool only_running) {
  const qk_isa_level *levels = all_levels();
  text[0] = '\0';
  for (size_t i = 0; i < LEVEL_COUNT; i++) {
    if (only_running && !runs_here(&levels[i])) continue;
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", levels[i].name);
  }
}

const qk_isa_level *qk_isa_choose(const char *wanted, char *error, size_t error_size) {
  const qk_isa_level *levels = all_levels(), *level = levels;
  char names[64];
  error[0] = '\0';
  if (!wanted || !*wanted) {
    for (size_t i = 0; i < LEVEL_COUNT; i++)
      if (runs_here(&levels[i])) level = &levels[i];
    return level;
  }
  for (size_t i = 0; i < LEVEL_COUNT; i++) {
    if (strcmp(wanted, levels[i].name) != 0) continue;
    if (runs_here(&levels[i])) return &levels[i];
    list_levels(names, sizeof names, true);
    snprintf(error, error_size, "QSCRIPT_ISA: this processor cannot run '%s' (it can run: %s)", wanted,
             names);
    return level;
  }
  list_levels(names, sizeof names, false);
  snprintf(error, error_size, "QSCRIPT_ISA: unknown instruction set '%.32s' (known: %s)", wanted, names);
  return level;
}

// The choice is made once for the process. Only comparisons of one instruction set with another hold a thread
// to some other level.
static pthread_once_t chosen_once = PTHREAD_ONCE_INIT;
static const qk_isa_level *chosen;
static char choice_error[160];

static void choose(void) { chosen = qk_isa_choose(getenv("QSCRIPT_ISA"), choice_error, sizeof choice_error); }

static const qk_isa_level *active(void) {
  pthread_once(&chosen_once, choose);
  return chosen;
}

static _Thread_local const qk_isa_level *held;

const qk_isa_level *qk_isa_held(void) { return held; }

const qk_isa_level *qk_isa_hold(const qk_isa_level *level) {
  const qk_isa_level *before = held;
  held = level;
  return before;
}

uint32_t qk_isa_active(void) { return (held ? held : active())->isa; }

const char *qk_isa_name(void) { return (held ? held : active())->name; }

const char *qk_isa_error(void) {
  active();
  return choice_error[0] ? choice_error : NULL;
}
