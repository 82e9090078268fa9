#pragma once
#include <stdbool.h>
#include <stddef.h>

// Reading lines from a terminal with editing, history and completion: the part of libedit that a REPL needs,
// without its variadic functions. One thread, one editor at a time.

typedef struct ce_editor ce_editor;

// Called at the Tab key with the line up to the cursor. It may call ce_insert and ce_list.
typedef void (*ce_complete)(void *self, ce_editor *editor, const char *text, size_t count);

typedef enum ce_answer {
  CE_LINE,
  CE_END,          // Ctrl-D on an empty line, or the terminal has gone
  CE_INTERRUPTED,  // Ctrl-C: the line was given up
} ce_answer;

// NULL where the terminal cannot be used or memory is short. Switches the character classes of the process to
// UTF-8.
ce_editor *ce_open(ce_complete complete, void *self);
void ce_close(ce_editor *editor);

// Shows `prompt` and reads a line, which comes without its line break and lives until the next call.
ce_answer ce_read(ce_editor *editor, const char *prompt, const char **line);

// At the cursor, as if typed.
void ce_insert(ce_editor *editor, const char *text);
// Prints `text`, which ends with a line break, below the line being edited.
void ce_list(ce_editor *editor, const char *text);

// History: what the arrow keys bring back. A line equal to the one before it is not kept twice.
void ce_remember(ce_editor *editor, const char *line);
bool ce_load_history(ce_editor *editor, const char *path);
bool ce_save_history(ce_editor *editor, const char *path);  // only its owner may read the file
