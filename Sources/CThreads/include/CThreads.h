#pragma once
// What Swift lacks of threads: a thread's own variable, and a team of threads that starts on a piece of work
// in a few microseconds; and one setting of the C library's memory.
#include <stddef.h>

/// One pointer per thread.
void *_Nullable qt_get(void);
void qt_set(void *_Nullable value);

/// Lets blocks of up to 152 bytes, tensors among them, wait for reuse as they are when they are freed. A
/// script's collector frees many at once, and merging and cutting blocks up again costs as much as a small
/// sum.
void qt_keep_small_blocks(void);

/// One of the numbered parts of a piece of work. `member` says which thread of the team does it, from 0: no
/// two parts run at once as the same member.
typedef void (*qt_part)(void *_Nullable context, size_t part, size_t member);

/// Does all parts, the calling thread as member 0 and up to `members` - 1 others beside it, and returns when
/// all are done. Parts are taken in ascending order as threads become free.
///
/// Threads are made at the first call that wants them, and kept. One without work watches for it for a moment
/// (about 20 us), then sleeps. While another thread's call is under way, or where no thread can be made, the
/// caller does all parts itself.
void qt_run(size_t parts, size_t members, qt_part _Nonnull part, void *_Nullable context);
