/* SPDX-License-Identifier: MIT
 * CLBlast with its own parameters, called directly: the plan's candidate "clblast" has other ones on CPUs. */
#include "base/clock.h"
#include "ours.h"
#include "runtime/native.h"
#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct product {
    size_t m, n, k;
    bool ta, tb;
    pf__buffer *a, *b, *c;
} product;

static pf_status run(pf_context *context, const product *p, int repetitions, pf_error *error) {
    for (int i = 0; i < repetitions; i++) {
        CLBlastStatusCode code = CLBlastSgemm(
            CLBlastLayoutRowMajor, p->ta ? CLBlastTransposeYes : CLBlastTransposeNo,
            p->tb ? CLBlastTransposeYes : CLBlastTransposeNo, p->m, p->n, p->k, 1.0f, pf__native_buffer(p->a),
            0, p->ta ? p->m : p->k, pf__native_buffer(p->b), 0, p->tb ? p->k : p->n, 0.0f,
            pf__native_buffer(p->c), 0, p->n, pf__native_queue(context), NULL);
        if (code != CLBlastSuccess) return pf__fail(error, PF_DEVICE, "CLBlastSgemm: status %d", (int)code);
    }
    return pf__context_finish(context, error);
}

int ours_clblast(pf_context *context, char **argv) {
    product p = {.m = (size_t)atoi(argv[2]),
                 .n = (size_t)atoi(argv[3]),
                 .k = (size_t)atoi(argv[4]),
                 .ta = argv[1][0] == 't',
                 .tb = argv[1][1] == 't'};
    pf_error error = {0};
    int repetitions;
    pf_status st = ours_read(context, argv[0], "a", p.m * p.k, &p.a, &error);
    if (st == PF_OK) st = ours_read(context, argv[0], "b", p.k * p.n, &p.b, &error);
    if (st == PF_OK) st = pf__buffer_create(context, p.m * p.n * sizeof(float), "C", &p.c, &error);
    if (st == PF_OK) st = run(context, &p, 1, &error);
    if (st == PF_OK) st = ours_write(argv[0], 0, p.c, 0, p.m * p.n, &error);
    if (st == PF_OK) printf("{\"launches\":1}\n");
    while (st == PF_OK && ours_next(&repetitions)) {
        const double begun = pf__seconds();
        st = run(context, &p, repetitions, &error);
        printf("%.9g\n", pf__seconds() - begun);
    }
    pf__buffer_release(&p.a);
    pf__buffer_release(&p.b);
    pf__buffer_release(&p.c);
    return st == PF_OK ? 0 : ours_fail(&error);
}
