/* SPDX-License-Identifier: MIT
 * Our side of a comparison: a process that does work when it is told to, so that another can alternate with
 * it.
 *
 *   ours step CONFIG.ini DATA DIR [KEY=VALUE ...]   the trainer; writes weights and the first batch into DIR
 *   ours product DIR ROLE M N K BACKEND             nn: A[M,K] B[K,N]; nt: A[M,K] B[N,K]; tn: A[K,M] B[K,N]
 *   ours clblast DIR ROLE M N K                     the same by CLBlast as it comes
 *   ours pointwise DIR NAME MODE ROWS COLUMNS       see ours_graph.c
 *   ours drift DIR FORM N M D T MIB                 see ours_drift.c
 *   ours limits                                     peak of multiply-adds, triad, launches
 *
 * Operands are read from DIR/NAME.f32, results of the first run written to DIR/out0.f32 and so on.
 * It prints one JSON line about the work, then answers each line "run N" on stdin with the seconds that N
 * repetitions took. */
#include "ours.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ours_next(int *repetitions) {
    char line[64];
    fflush(stdout);
    return fgets(line, sizeof line, stdin) && sscanf(line, "run %d", repetitions) == 1;
}

int ours_fail(const pf_error *error) {
    fprintf(stderr, "ours: %s\n", error->message);
    return 1;
}

int main(int argc, char **argv) {
    pf_error error = {0};
    pf_context *context = NULL;
    if (argc < 2) return 2;
    if (pf_context_create(&context, &(pf_context_desc){0}, &error) != PF_OK) return ours_fail(&error);
    int code = 2;
    if (strcmp(argv[1], "step") == 0 && argc >= 5)
        code = ours_step(context, argc - 2, argv + 2);
    else if (strcmp(argv[1], "product") == 0 && argc == 8)
        code = ours_product(context, argv + 2);
    else if (strcmp(argv[1], "clblast") == 0 && argc == 7)
        code = ours_clblast(context, argv + 2);
    else if (strcmp(argv[1], "pointwise") == 0 && argc == 7)
        code = ours_pointwise(context, argv + 2);
    else if (strcmp(argv[1], "drift") == 0 && argc == 9)
        code = ours_drift(context, argv + 2);
    else if (strcmp(argv[1], "limits") == 0)
        code = ours_limits(context);
    else
        fprintf(stderr, "ours: unknown work: %s\n", argv[1]);
    pf_context_destroy(&context);
    return code;
}
