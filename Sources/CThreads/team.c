// The team: helpers that wait for a job, watching for a moment before they sleep.
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "CThreads.h"

enum { MOST_HELPERS = 255, WATCH_ROUNDS = 1500 };

/// A flag that one thread raises and another waits for.
typedef struct signal_flag {
  _Atomic bool raised;
  pthread_mutex_t mutex;
  pthread_cond_t changed;
} signal_flag;

typedef struct helper {
  size_t member;
  signal_flag called;
} helper;

// The job under way. Written by the thread that holds `calling` while no helper is in a job.
static struct {
  qt_part part;
  void *context;
  size_t parts;
  _Atomic size_t next;     // the first part nobody has taken
  _Atomic size_t working;  // helpers not done yet
  signal_flag done;
} job = {.done = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}};

static pthread_mutex_t calling = PTHREAD_MUTEX_INITIALIZER;
static helper *helpers[MOST_HELPERS];
static size_t helper_count;

static void relax(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb");
#endif
}

static void raise_flag(signal_flag *flag) {
  pthread_mutex_lock(&flag->mutex);
  atomic_store_explicit(&flag->raised, true, memory_order_release);
  pthread_cond_signal(&flag->changed);
  pthread_mutex_unlock(&flag->mutex);
}

/// Waits until the flag is raised, and lowers it.
static void await_flag(signal_flag *flag) {
  for (int i = 0; i < WATCH_ROUNDS && !atomic_load_explicit(&flag->raised, memory_order_acquire); i++)
    relax();
  pthread_mutex_lock(&flag->mutex);
  while (!atomic_load_explicit(&flag->raised, memory_order_acquire))
    pthread_cond_wait(&flag->changed, &flag->mutex);
  atomic_store_explicit(&flag->raised, false, memory_order_relaxed);
  pthread_mutex_unlock(&flag->mutex);
}

static void take_parts(size_t member) {
  for (size_t part; (part = atomic_fetch_add_explicit(&job.next, 1, memory_order_relaxed)) < job.parts;)
    job.part(job.context, part, member);
}

static void *help(void *argument) {
  helper *self = argument;
  for (;;) {
    await_flag(&self->called);
    take_parts(self->member);
    if (atomic_fetch_sub_explicit(&job.working, 1, memory_order_acq_rel) == 1) raise_flag(&job.done);
  }
  return NULL;
}

/// Signals are for the thread that runs the script.
static bool start(helper *self) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  bool started = pthread_create(&thread, NULL, help, self) == 0;
  if (started) pthread_detach(thread);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return started;
}

/// Makes helpers until there are `wanted`, or no more can be had.
static void recruit(size_t wanted) {
  while (helper_count < wanted && helper_count < MOST_HELPERS) {
    helper *fresh = calloc(1, sizeof *fresh);
    if (!fresh) return;
    fresh->member = helper_count + 1;
    pthread_mutex_init(&fresh->called.mutex, NULL);
    pthread_cond_init(&fresh->called.changed, NULL);
    if (!start(fresh)) {
      free(fresh);
      return;
    }
    helpers[helper_count++] = fresh;
  }
}

void qt_run(size_t parts, size_t members, qt_part part, void *context) {
  size_t wanted = members < parts ? members : parts;
  if (wanted <= 1 || pthread_mutex_trylock(&calling) != 0) {
    for (size_t i = 0; i < parts; i++) part(context, i, 0);
    return;
  }
  recruit(wanted - 1);
  size_t called = wanted - 1 < helper_count ? wanted - 1 : helper_count;
  job.part = part;
  job.context = context;
  job.parts = parts;
  atomic_store_explicit(&job.next, 0, memory_order_relaxed);
  atomic_store_explicit(&job.working, called, memory_order_relaxed);
  for (size_t i = 0; i < called; i++) raise_flag(&helpers[i]->called);
  take_parts(0);
  if (called > 0) await_flag(&job.done);
  pthread_mutex_unlock(&calling);
}
