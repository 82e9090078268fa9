#include "CThreads.h"

static _Thread_local void *current;

void *qt_get(void) { return current; }
void qt_set(void *value) { current = value; }
