// Values the host builds for Lua: malloc'ed, so that a Swift frame never meets a Lua error while building.
#include "internal.h"

lb_value lb_string(const void *bytes, size_t count) {
  char *copy = malloc(count ? count : 1);
  if (!copy) return (lb_value){.tag = LB_NIL};
  if (count) memcpy(copy, bytes, count);
  return (lb_value){.tag = LB_STRING, .count = (uint32_t)count, .as.bytes = copy};
}

lb_value lb_new_table(uint32_t items, uint32_t fields) {
  size_t values = items + 2 * (size_t)fields;
  lb_table *table = calloc(1, sizeof *table + values * sizeof(lb_value));
  if (!table) return (lb_value){.tag = LB_NIL};
  table->items = items;
  table->fields = fields;
  table->item = (lb_value *)(table + 1);
  table->field = table->item + items;
  return (lb_value){.tag = LB_TREE, .as.table = table};
}

// Frees strings and tables; the references that objects carry are the pusher's.
static void free_blocks(lb_value *value) {
  if (value->tag == LB_STRING) free((void *)value->as.bytes);
  if (value->tag != LB_TREE) return;
  lb_table *table = value->as.table;
  size_t values = table->items + 2 * (size_t)table->fields;
  for (size_t i = 0; i < values; i++) free_blocks(&table->item[i]);
  free(table);
}

static void release_objects(lb_vm *vm, lb_value *value) {
  if (value->tag == LB_OBJECT && value->as.object) vm->host.release(value->as.object);
  if (value->tag != LB_TREE) return;
  lb_table *table = value->as.table;
  size_t values = table->items + 2 * (size_t)table->fields;
  for (size_t i = 0; i < values; i++) release_objects(vm, &table->item[i]);
}

void lb_dispose(lb_vm *vm, lb_value *value) {
  if (vm) release_objects(vm, value);
  free_blocks(value);
  value->tag = LB_NIL;
}
