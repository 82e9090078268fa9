#include <stdarg.h>
#include <stdio.h>

#include "plan.h"

static _Thread_local char last_error[256];
static _Thread_local od_status last_status;

const char *od_last_error(void) { return last_error; }

od_status od_last_status(void) { return last_status; }

od_status od_fail(od_status status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  last_status = status;
  return status;
}

od_status od_fail_onednn(const char *operation, dnnl_status_t status) {
  switch (status) {
    case dnnl_out_of_memory:
      return od_fail(OD_OUT_OF_MEMORY, "oneDNN ran out of memory while %s", operation);
    case dnnl_invalid_arguments:
      return od_fail(OD_INVALID, "oneDNN refused the arguments while %s", operation);
    case dnnl_unimplemented:
      return od_fail(OD_UNSUPPORTED, "oneDNN %s has no implementation for %s", od_version(), operation);
    default:
      return od_fail(OD_FAILED, "oneDNN failed while %s (status %d)", operation, (int)status);
  }
}

const char *od_version(void) {
  static _Thread_local char text[32];
  const dnnl_version_t *version = dnnl_version();
  snprintf(text, sizeof text, "%d.%d.%d", version->major, version->minor, version->patch);
  return text;
}
