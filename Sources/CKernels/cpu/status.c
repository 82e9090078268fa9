#include "qk_int8.h"

const char *qk_status_message(qk_status status) {
  switch (status) {
    case QK_OK:
      return "";
    case QK_BAD_SIZE:
      return "sizes are zero, too large or do not fit together";
    case QK_TOO_DEEP:
      return "more than 65536 terms in one sum";
    case QK_BAD_SCALE:
      return "scales must be positive and finite";
    case QK_BAD_RANGE:
      return "the lower bound is above the upper one";
    case QK_BAD_ALIGNMENT:
      return "packed weights and scratch memory must be aligned to 64 bytes";
    case QK_BAD_PACKING:
      return "the weights were packed for activations of another type";
    case QK_BAD_BITS:
      return "weights take 2, 4 or 8 bits, every code within them, in groups of 16, 32, 64 or 128";
    case QK_NOT_FINITE:
      return "a number is NaN or infinite";
  }
  return "unknown status";
}
