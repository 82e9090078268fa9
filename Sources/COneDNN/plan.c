#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "context.h"

static size_t align(size_t bytes) { return (bytes + 63) / 64 * 64; }

static dnnl_status_t create_reorder(dnnl_primitive_t *reorder, od_layout_ref from, od_layout_ref to) {
  dnnl_primitive_desc_t descriptor;
  dnnl_engine_t engine = od_engine();
  dnnl_status_t status = dnnl_reorder_primitive_desc_create(&descriptor, from, engine, to, engine, NULL);
  if (status != dnnl_success) return status;
  status = dnnl_primitive_create(reorder, descriptor);
  dnnl_primitive_desc_destroy(descriptor);
  return status;
}

static dnnl_status_t create_operand(od_plan *plan, od_operand *operand, const od_operand_layout *layout) {
  dnnl_engine_t engine = od_engine();
  operand->argument = layout->argument;
  operand->written = layout->written;
  dnnl_status_t status = dnnl_memory_create(&operand->user, layout->user, engine, DNNL_MEMORY_NONE);
  if (status != dnnl_success || dnnl_memory_desc_equal(layout->user, layout->wanted)) return status;

  operand->staged_offset = plan->scratch_bytes;
  plan->scratch_bytes += align(dnnl_memory_desc_get_size(layout->wanted));
  status = dnnl_memory_create(&operand->staged, layout->wanted, engine, DNNL_MEMORY_NONE);
  if (status != dnnl_success) return status;
  return layout->written ? create_reorder(&operand->reorder, layout->wanted, layout->user)
                         : create_reorder(&operand->reorder, layout->user, layout->wanted);
}

static dnnl_status_t fill_plan(od_plan *plan, const_dnnl_primitive_desc_t descriptor,
                               const od_operand_layout *operands) {
  od_layout_ref scratchpad = dnnl_primitive_desc_query_md(descriptor, dnnl_query_scratchpad_md, 0);
  size_t scratchpad_bytes = scratchpad ? dnnl_memory_desc_get_size(scratchpad) : 0;
  dnnl_status_t status = dnnl_success;
  if (scratchpad_bytes > 0)
    status = dnnl_memory_create(&plan->scratchpad, scratchpad, od_engine(), DNNL_MEMORY_NONE);
  plan->scratch_bytes = align(scratchpad_bytes);
  for (int i = 0; i < plan->operand_count && status == dnnl_success; i++)
    status = create_operand(plan, &plan->operands[i], &operands[i]);
  return status == dnnl_success ? dnnl_primitive_create(&plan->primitive, descriptor) : status;
}

od_plan *od_plan_create(const od_key *key, const_dnnl_primitive_desc_t descriptor, int operand_count,
                        const od_operand_layout *operands) {
  od_context *context = od_context_current();
  if (!context) return NULL;
  od_plan *plan = calloc(1, sizeof *plan);
  if (!plan) {
    od_fail(OD_OUT_OF_MEMORY, "no memory for a oneDNN plan");
    return NULL;
  }
  plan->key = *key;
  plan->operand_count = operand_count;
  dnnl_status_t status = fill_plan(plan, descriptor, operands);
  if (status != dnnl_success) {
    od_plan_destroy(plan);
    od_fail_onednn("creating a primitive", status);
    return NULL;
  }
  od_cache_insert(context, plan);
  return plan;
}

void od_plan_destroy(od_plan *plan) {
  for (int i = 0; i < plan->operand_count; i++) {
    od_operand *operand = &plan->operands[i];
    if (operand->user) dnnl_memory_destroy(operand->user);
    if (operand->staged) dnnl_memory_destroy(operand->staged);
    if (operand->reorder) dnnl_primitive_destroy(operand->reorder);
  }
  if (plan->scratchpad) dnnl_memory_destroy(plan->scratchpad);
  if (plan->primitive) dnnl_primitive_destroy(plan->primitive);
  free(plan);
}

/// Points the plan's own memory objects into the thread's scratch, where that moved since the last run.
static od_status place_scratch(od_context *context, od_plan *plan) {
  od_status status = od_context_reserve(context, plan->scratch_bytes);
  if (status != OD_OK || plan->scratch_bytes == 0 || plan->scratch_epoch == context->scratch_epoch)
    return status;
  char *base = context->scratch;
  if (plan->scratchpad) dnnl_memory_set_data_handle(plan->scratchpad, base);
  for (int i = 0; i < plan->operand_count; i++) {
    od_operand *operand = &plan->operands[i];
    if (operand->staged) dnnl_memory_set_data_handle(operand->staged, base + operand->staged_offset);
  }
  plan->scratch_epoch = context->scratch_epoch;
  return OD_OK;
}

static dnnl_status_t run_reorders(od_context *context, const od_plan *plan, bool written) {
  for (int i = 0; i < plan->operand_count; i++) {
    const od_operand *operand = &plan->operands[i];
    if (!operand->reorder || operand->written != written) continue;
    dnnl_exec_arg_t arguments[2] = {
        {DNNL_ARG_FROM, written ? operand->staged : operand->user},
        {DNNL_ARG_TO, written ? operand->user : operand->staged},
    };
    dnnl_status_t status = dnnl_primitive_execute(operand->reorder, context->stream, 2, arguments);
    if (status != dnnl_success) return status;
  }
  return dnnl_success;
}

static dnnl_status_t run_primitive(od_context *context, const od_plan *plan) {
  dnnl_exec_arg_t arguments[OD_MAX_OPERANDS + 1];
  int count = 0;
  for (int i = 0; i < plan->operand_count; i++) {
    const od_operand *operand = &plan->operands[i];
    arguments[count++] =
        (dnnl_exec_arg_t){operand->argument, operand->staged ? operand->staged : operand->user};
  }
  if (plan->scratchpad) arguments[count++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, plan->scratchpad};
  return dnnl_primitive_execute(plan->primitive, context->stream, count, arguments);
}

od_status od_plan_run(od_plan *plan, void *const *pointers) {
  od_context *context = od_context_current();
  od_status placed = place_scratch(context, plan);
  if (placed != OD_OK) return placed;
  for (int i = 0; i < plan->operand_count; i++)
    dnnl_memory_set_data_handle(plan->operands[i].user, pointers[i]);
  dnnl_status_t status = run_reorders(context, plan, false);
  if (status == dnnl_success) status = run_primitive(context, plan);
  if (status == dnnl_success) status = run_reorders(context, plan, true);
  if (status == dnnl_success) status = dnnl_stream_wait(context->stream);
  return status == dnnl_success ? OD_OK : od_fail_onednn("running a primitive", status);
}
