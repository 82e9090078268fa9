#pragma once
// One for each kind of operation; a new one is called from main.c.

void check_gemm(void);
void check_sparse(void);
void check_conv2d(void);
void check_depthwise(void);
void check_elementwise(void);
void check_quantize(void);
void check_pool(void);
void check_lowbit(void);
void check_rows(void);
