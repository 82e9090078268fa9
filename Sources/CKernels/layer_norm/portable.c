#include "layer_norm.h"

void qk_layer_norm_u8_ukernel__portable(const qk_layer_norm_rows *rows) { qk_layer_norm_each(rows); }
