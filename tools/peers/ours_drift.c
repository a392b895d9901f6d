/* SPDX-License-Identifier: MIT
 * Our side of the drifting field: x.f32 [N,D], positive.f32 [M,D], tau.f32 [T], the x being each other's
 * negatives; the sum of the fields of all temperatures comes out. FORM is two-sided or one-sided. */
#include "ours.h"
#include <stdlib.h>
#include <string.h>

int ours_drift(pf_context *context, char **argv) {
    const int n = atoi(argv[2]), m = atoi(argv[3]), d = atoi(argv[4]), t = atoi(argv[5]);
    const pf_drift_options options = {
        .form = strcmp(argv[1], "two-sided") == 0 ? PF_DRIFT_TWO_SIDED : PF_DRIFT_ONE_SIDED,
        .workspace_bytes = (uint64_t)(atof(argv[6]) * 0x1p20),
    };
    pf_error error = {0};
    ours_work w = {.count = 1};
    if (pf_graph_create(&w.g, &error) != PF_OK) return ours_fail(&error);
    pf_value x = pf_input(w.g, "x", PF_F32, pf_shape_of(3, 1, n, d));
    pf_value positive = pf_input(w.g, "positive", PF_F32, pf_shape_of(3, 1, m, d));
    pf_value tau = pf_input(w.g, "tau", PF_F32, pf_shape_of(1, t));
    pf_value fields = pf_drift(w.g, x, positive, 0, 0, tau, &options);
    w.outputs[0] = t > 1 ? pf_sum(w.g, fields, 1, false) : pf_reshape(w.g, fields, pf_shape_of(2, n, d));
    int code = ours_serve(context, argv[0], &w);
    pf_graph_destroy(&w.g);
    return code;
}
