/* What an ISA stub hands out. Included last. */
static const fsg_table table = {
    .name = ISA_NAME, .fma = ISA_FMA, .pack_panel = pack_panel, .exp_slice = exp_slice, .max_slice = max_slice,
    .merge_sums = merge_sums, .gradient_slice = gradient_slice, .merge_panel = merge_panel, .move_row = move_row,
    .log = log_double, .exp = exp_array, .peak = peak, .chain = chain,
    .mean_rows = mean_rows, .gram_rows = gram_rows, .times_rows = times_rows, .sparse_row = sparse_row, .newton_row = newton_row,
};
