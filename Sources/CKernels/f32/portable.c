#include "paths.h"

#define QK_F32_ISA portable
#include "body.inc"
