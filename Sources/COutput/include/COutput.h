#pragma once
#include <stddef.h>

// Standard output as a stream that can be watched, so that whatever a process prints - Swift's `print`, Lua's
// `print`, `io.write` and `io.stdout`, C's `printf` - reaches a run's log as well, in the order it was
// printed.

// Replaces `stdout` by such a stream, once; later calls do nothing. Before it, and where it fails, `stdout`
// works as ever and nobody sees it.
void co_install(void);

// From now on `see` is told what is written, in addition to its going out; and `stdout` is flushed at every
// line, so that the log is whole however the process ends. NULL: nobody watches. One watcher at a time.
typedef void (*co_watcher)(void *self, const char *bytes, size_t count);
void co_watch(co_watcher see, void *self);

// Called once when standard output cannot be written: its reader has gone (EPIPE), the disk is full. Whatever
// is printed later is dropped.
typedef void (*co_failure)(void *self);
void co_on_failure(co_failure fail, void *self);

// `errno` of that failure, 0 where there was none.
int co_failed(void);

// Shows `text` on standard error, a terminal, as a line that the next one replaces. It goes away before
// anything is written through `stdout` to a terminal, and with NULL.
void co_show_status(const char *text);
