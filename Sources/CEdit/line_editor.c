#define _GNU_SOURCE
#include <errno.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "CEdit.h"

enum { HISTORY_LINES = 2000 };

struct ce_editor {
  EditLine *edit;
  History *history;
  FILE *screen;  // its own, since `stdout` may be watched by a run's log
  const char *prompt;
  char *line;
  ce_complete complete;
  void *self;
  bool wants_redraw;
};

static volatile sig_atomic_t interrupted;

static ce_editor *editor_of(EditLine *edit) {
  ce_editor *editor = NULL;
  el_get(edit, EL_CLIENTDATA, &editor);
  return editor;
}

static char *prompt_of(EditLine *edit) { return (char *)(size_t)editor_of(edit)->prompt; }

// Waits for a key. SIGINT is let in here alone, so that one that comes just before is not missed.
static bool wait_for_key(void) {
  sigset_t open;
  sigprocmask(SIG_BLOCK, NULL, &open);
  sigdelset(&open, SIGINT);
  struct pollfd key = {.fd = STDIN_FILENO, .events = POLLIN};
  while (!interrupted) {
    if (ppoll(&key, 1, NULL, &open) > 0) return true;
    if (errno != EINTR) return true;  // `read` will say what is wrong
  }
  return false;
}

// As libedit's own reader, but Ctrl-C ends it: libedit would read on.
static int read_character(EditLine *edit, wchar_t *character) {
  (void)edit;
  mbstate_t state = {0};
  while (true) {
    char byte;
    ssize_t count = wait_for_key() ? read(STDIN_FILENO, &byte, 1) : -1;
    if (count <= 0) return (int)count;
    size_t used = mbrtowc(character, &byte, 1, &state);
    if (used == (size_t)-2) continue;  // the character goes on
    if (used != (size_t)-1) return 1;
    memset(&state, 0, sizeof state);  // not a character: passed over
  }
}

static unsigned char complete(EditLine *edit, int key) {
  (void)key;
  ce_editor *editor = editor_of(edit);
  const LineInfo *info = el_line(edit);
  editor->wants_redraw = false;
  editor->complete(editor->self, editor, info->buffer, (size_t)(info->cursor - info->buffer));
  return editor->wants_redraw ? CC_REDISPLAY : CC_REFRESH;
}

void ce_insert(ce_editor *editor, const char *text) { el_insertstr(editor->edit, text); }

void ce_list(ce_editor *editor, const char *text) {
  fprintf(editor->screen, "\n%s", text);
  fflush(editor->screen);
  editor->wants_redraw = true;
}

static void use_utf8(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

ce_editor *ce_open(ce_complete completer, void *self) {
  use_utf8();
  ce_editor *editor = calloc(1, sizeof *editor);
  if (!editor) return NULL;
  *editor = (ce_editor){.complete = completer, .self = self, .prompt = ""};
  editor->history = history_init();
  editor->screen = fdopen(dup(STDOUT_FILENO), "w");
  if (editor->screen) editor->edit = el_init("qscript", stdin, editor->screen, stderr);
  if (!editor->edit || !editor->history) {
    ce_close(editor);
    return NULL;
  }
  HistEvent event;
  history(editor->history, &event, H_SETSIZE, HISTORY_LINES);
  history(editor->history, &event, H_SETUNIQUE, 1);
  el_set(editor->edit, EL_CLIENTDATA, editor);
  el_set(editor->edit, EL_PROMPT, prompt_of);
  el_set(editor->edit, EL_EDITOR, "emacs");
  el_set(editor->edit, EL_HIST, history, editor->history);
  el_set(editor->edit, EL_GETCFN, read_character);
  el_set(editor->edit, EL_ADDFN, "complete", "Complete the name at the cursor", complete);
  el_set(editor->edit, EL_BIND, "^I", "complete", NULL);
  el_set(editor->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
  return editor;
}

void ce_close(ce_editor *editor) {
  if (editor->edit) el_end(editor->edit);
  if (editor->history) history_end(editor->history);
  if (editor->screen) fclose(editor->screen);
  free(editor->line);
  free(editor);
}

static void on_interrupt(int signal) {
  (void)signal;
  interrupted = 1;
}

static const char *get_line(ce_editor *editor, int *count) {
  struct sigaction ours = {.sa_handler = on_interrupt}, theirs;
  sigset_t only_interrupts, before;
  sigemptyset(&only_interrupts);
  sigaddset(&only_interrupts, SIGINT);
  interrupted = 0;
  sigaction(SIGINT, &ours, &theirs);
  sigprocmask(SIG_BLOCK, &only_interrupts, &before);
  // Before the prompt is seen: libedit would wait for the first key, and a Ctrl-D pressed before is lost.
  el_set(editor->edit, EL_PREP_TERM, 1);
  const char *text = el_gets(editor->edit, count);
  sigprocmask(SIG_SETMASK, &before, NULL);
  sigaction(SIGINT, &theirs, NULL);
  return text;
}

ce_answer ce_read(ce_editor *editor, const char *prompt, const char **line) {
  editor->prompt = prompt;
  int count = 0;
  const char *text = get_line(editor, &count);
  if (interrupted) {
    el_reset(editor->edit);
    return CE_INTERRUPTED;
  }
  if (!text || count <= 0) return CE_END;
  free(editor->line);
  size_t length = strcspn(text, "\n");
  editor->line = strndup(text, length);
  *line = editor->line;
  return editor->line ? CE_LINE : CE_END;
}

void ce_remember(ce_editor *editor, const char *line) {
  HistEvent event;
  history(editor->history, &event, H_ENTER, line);
}

bool ce_load_history(ce_editor *editor, const char *path) {
  HistEvent event;
  return history(editor->history, &event, H_LOAD, path) >= 0;
}

bool ce_save_history(ce_editor *editor, const char *path) {
  HistEvent event;
  return history(editor->history, &event, H_SAVE, path) >= 0;
}
