#pragma once
// Timing and reporting for the benches: medians of samples in CPU time, a table, and JSON lines on request.
#include <stddef.h>
#include <stdio.h>

/// Median seconds of one call of `work(context)`, over samples of about 10 ms (fewer if one call is long).
double bench_seconds(void (*work)(void *context), void *context);

/// One line of the table (and of `json`, unless NULL): a value in `unit` beside the machine's `peak` for it,
/// 0 where that is not known.
void bench_report(FILE *json, const char *name, double value, const char *unit, double peak);
