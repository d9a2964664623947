/* SPDX-License-Identifier: MIT */
/* table: the end of every kernel file: its table of functions. */
#ifndef NACRE_DEVICES_TABLE_H
#define NACRE_DEVICES_TABLE_H

#define KERNEL_TABLE(label, most)                                           \
  {                                                                         \
    .name = label, .lanes = LANES, .rows = (most), .wide = 2,               \
    .tile = tiles, .few = few, .some = some, .list = KERNEL(list),          \
    .few_columns = FEW_WIDE * LANES,                                        \
    .direct = KERNEL(direct),                                               \
    .times_vector = KERNEL(times_vector),                                   \
    .pack_rows = KERNEL(pack_rows), .pack_columns = KERNEL(pack_columns),   \
    .transpose = KERNEL(transpose), .exp = KERNEL(exp), .log = KERNEL(log), \
    .log1p = KERNEL(log1p), .tanh = KERNEL(tanh),                           \
    .sigmoid = KERNEL(sigmoid), .erf = KERNEL(erf),                         \
    .soften = KERNEL(soften),                                               \
    .soften_gradient = KERNEL(soften_gradient), .keep = KERNEL(keep),       \
    .times = KERNEL(times),                                                 \
    .softmax = KERNEL(softmax), .sum = KERNEL(sum), .dot = KERNEL(dot),     \
    .col_sum = KERNEL(col_sum), .fill = KERNEL(fill),                       \
    .axpy = KERNEL(axpy), .scale = KERNEL(scale),                           \
    .uniform = KERNEL(uniform), .multiply_add = KERNEL(multiply_add),       \
    .pixels = 2 * (most), .conv = conv_tiles,                               \
    .outer = outer_tiles, .pack_panel = KERNEL(pack_panel),                 \
    .conv_each = KERNEL(conv_each), .outer_each = KERNEL(outer_each),       \
    .wino_input = KERNEL(wino_input),                                       \
    .wino_gradient = KERNEL(wino_gradient),                                 \
    .wino_output = KERNEL(wino_output),                                     \
    .wino_weights = KERNEL(wino_weights),                                   \
    .wino_unweights = KERNEL(wino_unweights),                               \
  }

#endif
