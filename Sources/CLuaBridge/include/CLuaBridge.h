// The Lua side of the Lua host: everything that includes lua.h is in this target.
//
// A Lua error is a longjmp, and it must never cross a Swift frame. So Swift never sees lua_State. It speaks
// `lb_value`, and the two languages meet in three places only:
//
//   script -> host   call.c: one trampoline copies the arguments, calls `lb_host.call`, and pushes the
//   results
//                    or raises the error after Swift has returned
//   host -> script   run.c: protected calls that answer a status
//   collector        object.c: the end of a box, or its `__close`, calls `lb_host.release`
//
// Functions marked [protected] may need memory and answer failure instead of raising. The others never raise.
// A VM belongs to the thread that runs it; only `lb_interrupt` and `lb_stopping` may be called from
// elsewhere.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum lb_tag : uint8_t {
  LB_NIL,
  LB_BOOLEAN,
  LB_INTEGER,
  LB_NUMBER,
  LB_STRING,     // `bytes`, `count` of them; borrowed on the way in, malloc'ed (lb_string) on the way out
  LB_OBJECT,     // `object` of type `type`; NULL when the script has closed it; out: carries one reference
  LB_FUNCTION,   // `slot`: a place on the Lua stack, see lb_retain
  LB_TABLE,      // `slot`: not copied until lb_read_table
  LB_TREE,       // `table`: a copied table; malloc'ed (lb_new_table) on the way out
  LB_REFERENCE,  // `slot`: a registry reference, way out only
  LB_OTHER,      // `slot`: thread, foreign userdata, light userdata; `type` is Lua's type code
} lb_tag;

enum { LB_POSITIONED = 1 };  // `flag` of an error message that already says where

typedef struct lb_value {
  lb_tag tag;
  uint8_t flag;
  uint16_t type;
  uint32_t count;
  union {
    bool boolean;
    int64_t integer;
    double number;
    const char *bytes;
    void *object;
    int64_t slot;
    struct lb_table *table;
  } as;
} lb_value;

// A table copied out of Lua, or to be built in it: the sequence 1...items, then key-value pairs.
typedef struct lb_table {
  uint32_t items, fields;
  lb_value *item;   // items
  lb_value *field;  // fields pairs: key, value, key, value ...
} lb_table;

enum { LB_MAX_RESULTS = 8, LB_MAX_DEPTH = 8 };

// What `call` answers instead of a number of results.
enum {
  LB_RAISE = -1,  // out[0] is the message (LB_STRING) or the error value (LB_REFERENCE)
  LB_STOP = -2,   // stop the script: no pcall may hold it
};

typedef struct lb_host {
  void *self;
  int (*call)(void *self, int function, const lb_value *arguments, int count, lb_value *out);
  void (*release)(void *object);  // may come in the midst of a collection: must not call the VM
  const long *native_bytes;       // live bytes behind objects, which Lua cannot see; may be NULL
} lb_host;

typedef struct lb_vm lb_vm;

// --- life: vm.c ---
lb_vm *lb_open(lb_host host);                   // NULL: out of memory
void lb_limit_memory(lb_vm *vm, size_t limit);  // of scripts; 0: no limit
void lb_close(lb_vm *vm);
size_t lb_memory_used(const lb_vm *vm);
void lb_collect(lb_vm *vm);
const char *lb_lua_release(void);  // "Lua 5.4.4"

// --- declaring: library.c, object.c [protected]; `path` is dotted, "" is the globals ---
bool lb_add_function(lb_vm *vm, const char *path, const char *name, int function);
bool lb_add_value(lb_vm *vm, const char *path, const char *name, const lb_value *value);
bool lb_add_module(lb_vm *vm, const char *module, const char *path);  // require(module) answers the table
bool lb_add_type(lb_vm *vm, int type, const char *name, bool keeps_identity);
bool lb_add_method(lb_vm *vm, int type, const char *name, int function);
bool lb_add_getter(lb_vm *vm, int type, const char *name, int function);
bool lb_add_setter(lb_vm *vm, int type, const char *name, int function);

// --- running: run.c. On failure the error is described by lb_failed until the next call. ---
typedef enum lb_status : uint8_t {
  LB_OK,
  LB_SYNTAX,      // the text does not compile
  LB_INCOMPLETE,  // the text does not compile because it ends too early
  LB_FAILED,
  LB_NO_MEMORY,
  LB_INTERRUPTED,
  LB_EXITED,  // os.exit; see lb_exit_code
} lb_status;

typedef struct lb_failure {
  lb_value value;       // the error value as raised
  const char *message;  // its text, never NULL
  size_t message_count;
  const char *traceback;  // NULL where there is none
  bool from_host;         // the last error that `lb_host.call` answered
} lb_failure;

int lb_mark(lb_vm *vm);
void lb_reset(lb_vm *vm, int mark);  // drops results and everything borrowed since the mark
// Runs text; its results stay on the Lua stack (lb_result) until lb_reset.
lb_status lb_run(lb_vm *vm, const char *text, size_t count, const char *chunk, const lb_value *arguments,
                 int argument_count, int *results);
lb_status lb_call(lb_vm *vm, int reference, const lb_value *arguments, int count, int *results);
lb_value lb_result(lb_vm *vm, int results, int index);  // index 0 ..< results
lb_failure lb_failed(lb_vm *vm);
int lb_exit_code(const lb_vm *vm);
// "file:line" of the script that runs on this thread, while the host is called by it; false where none does.
bool lb_position(char *text, size_t size);

// --- values that live in Lua: value.c [protected] ---
const lb_table *lb_read_table(lb_vm *vm,
                              const lb_value *table);  // NULL: see lb_failed; lives as long as the call
int lb_retain(lb_vm *vm, const lb_value *value);       // registry reference, or -1
void lb_unretain(lb_vm *vm, int reference);
int lb_function_id(lb_vm *vm, const lb_value *value);       // the host's id of a function, or -1
const void *lb_identity(lb_vm *vm, const lb_value *value);  // which function or table it is
const char *lb_type_name(int type);                         // Lua's name of a type code

// --- building results and arguments: build.c; malloc'ed, owned by the bridge once handed over ---
lb_value lb_string(const void *bytes, size_t count);
lb_value lb_new_table(uint32_t items, uint32_t fields);
void lb_dispose(lb_vm *vm, lb_value *value);  // of a value that was never handed over

// --- stopping: stop.c ---
void lb_interrupt(lb_vm *vm);       // async-signal-safe, any thread
bool lb_stopping(const lb_vm *vm);  // any thread
void lb_clear_interrupt(lb_vm *vm);
// The next `signal` interrupts `vm`, and the one after it has its default effect (for SIGINT: kills).
void lb_interrupt_on(lb_vm *vm, int signal);
