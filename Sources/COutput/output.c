#define _GNU_SOURCE
#include "COutput.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

// Written by the thread that holds the stream's lock, or before there are other threads.
static co_watcher watcher;
static void *watcher_self;
static co_failure on_failure;
static void *failure_self;
static atomic_int failed;
static bool status_is_shown;

static void note_failure(int code) {
  int none = 0;
  if (atomic_compare_exchange_strong(&failed, &none, code) && on_failure) on_failure(failure_self);
}

static void write_all(const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t written = write(STDOUT_FILENO, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      note_failure(errno);
      return;
    }
    bytes += written;
    count -= (size_t)written;
  }
}

void co_show_status(const char *text) {
  if (text)
    dprintf(STDERR_FILENO, "\r%s\033[K", text);
  else if (status_is_shown)
    dprintf(STDERR_FILENO, "\r\033[K");
  status_is_shown = text != NULL;
}

// Always takes everything: a stream that fails is tried again by every later write.
static ssize_t take(void *cookie, const char *bytes, size_t count) {
  (void)cookie;
  if (status_is_shown && isatty(STDOUT_FILENO)) co_show_status(NULL);
  if (atomic_load(&failed) == 0) write_all(bytes, count);
  if (watcher) watcher(watcher_self, bytes, count);
  return (ssize_t)count;
}

#ifdef __APPLE__
static int take_int(void *cookie, const char *bytes, int count) {
  return (int)take(cookie, bytes, (size_t)count);
}
static FILE *open_stream(void) { return fwopen(NULL, take_int); }
#else
static FILE *open_stream(void) { return fopencookie(NULL, "w", (cookie_io_functions_t){.write = take}); }
#endif

static void choose_buffering(void) {
  int mode = watcher || isatty(STDOUT_FILENO) ? _IOLBF : _IOFBF;
  setvbuf(stdout, NULL, mode, BUFSIZ);
}

void co_install(void) {
  static atomic_flag installed = ATOMIC_FLAG_INIT;
  if (atomic_flag_test_and_set(&installed)) return;
  fflush(stdout);
  FILE *stream = open_stream();
  if (!stream) return;
  stdout = stream;
  choose_buffering();
}

void co_watch(co_watcher see, void *self) {
  fflush(stdout);
  flockfile(stdout);
  watcher = see;
  watcher_self = self;
  choose_buffering();
  funlockfile(stdout);
}

void co_on_failure(co_failure fail, void *self) {
  on_failure = fail;
  failure_self = self;
}

int co_failed(void) { return atomic_load(&failed); }
