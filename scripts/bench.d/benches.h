#pragma once
// Parts of the int8 bench, each with a file of its own. `peak` is that of one core in GOP/s.
#include <stdio.h>

void bench_pools(FILE *json);
void bench_elementwise(FILE *json);
void bench_gemm(FILE *json, double peak);
void bench_lowbit(FILE *json, double peak);
void bench_sparse(FILE *json, double peak);
