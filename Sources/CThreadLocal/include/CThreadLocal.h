#pragma once

// One pointer per thread, for Swift, which has no thread-local variables of its own.
void *_Nullable qt_get(void);
void qt_set(void *_Nullable value);
