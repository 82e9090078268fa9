#pragma once

/// Most multiply-adds times two, in 1e9 a second, that one core does on bytes with the best instruction it
/// has, whatever instruction set the kernels are held to; 0 where this bench cannot tell.
double peak_gops(void);

/// Bytes read plus bytes written by copying, in 1e9 a second, for `bytes` of source and destination together.
double copy_bandwidth(size_t bytes);

/// Bytes read in 1e9 a second, again and again from one array of `bytes`; 0 where this bench cannot tell.
double read_bandwidth(size_t bytes);
