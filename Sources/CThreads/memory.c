#include "CThreads.h"

#if defined(__GLIBC__) || defined(__linux__)
#include <malloc.h>
#endif

void qt_keep_small_blocks(void) {
#ifdef M_MXFAST
  mallopt(M_MXFAST, 20 * sizeof(void *));  // the most glibc takes
#endif
}
