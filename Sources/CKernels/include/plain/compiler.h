#pragma once
// What this arithmetic asks of a compiler: every operation on floats is rounded once, to its own type, half
// to even. The `STDC` pragma is the standard's way to say so; gcc has one of its own.
#if defined(__FAST_MATH__)
#error "fast-math changes results: compile this file without it"
#endif
#if defined(__FLT_EVAL_METHOD__) && (__FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2)
#error "floats are computed with excess precision here: compile with -msse2 -mfpmath=sse"
#endif
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("fp-contract=off")
// Where there are vector registers, sums of products are two to three times as fast in them; gcc uses them
// for loops of unknown length from -O3 on only.
#if (defined(__SSE2__) || defined(__ARM_NEON)) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#pragma GCC optimize("tree-vectorize", "vect-cost-model=dynamic")
#endif
#else
#pragma STDC FP_CONTRACT OFF
#endif
