#pragma once

/// Most multiply-adds times two, in 1e9 a second, that one core does with the active instruction set's byte
/// products; 0 where this bench cannot tell (portable, AVX2).
double peak_gops(void);

/// Bytes read plus bytes written by copying, in 1e9 a second, for `bytes` of source and destination together.
double copy_bandwidth(size_t bytes);

/// Bytes read in 1e9 a second, again and again from one array of `bytes`.
double read_bandwidth(size_t bytes);
