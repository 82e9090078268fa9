#define _GNU_SOURCE
#include "measure.h"

#include <stdlib.h>
#include <time.h>

enum { SAMPLES = 15 };

/// CPU time, so that time given to other processes does not count.
static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double repeat(void (*work)(void *), void *context, long count) {
  double start = now();
  for (long i = 0; i < count; i++) work(context);
  return now() - start;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double bench_seconds(void (*work)(void *context), void *context) {
  long count = 1;
  double seconds = repeat(work, context, count);
  while ((seconds = repeat(work, context, count)) < 0.005) count *= 2;
  count = (long)((double)count * 0.010 / seconds) + 1;
  const int taken = seconds < 0.1 ? SAMPLES : 3;
  double samples[SAMPLES];
  for (int i = 0; i < taken; i++) samples[i] = repeat(work, context, count) / (double)count;
  qsort(samples, (size_t)taken, sizeof *samples, ascending);
  return samples[taken / 2];
}

void bench_report(FILE *json, const char *name, double value, const char *unit, double peak) {
  printf("%-42s %9.1f %-6s", name, value, unit);
  if (peak > 0) printf(" %6.1f %%", 100 * value / peak);
  printf("\n");
  fflush(stdout);
  if (!json) return;
  fprintf(json, "{\"case\":\"%s\",\"value\":%.4g,\"unit\":\"%s\"", name, value, unit);
  if (peak > 0) fprintf(json, ",\"peak\":%.4g,\"share\":%.4f", peak, value / peak);
  fprintf(json, "}\n");
}
