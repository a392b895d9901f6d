/* SPDX-License-Identifier: MIT
 * What train --profile prints: where a step's time goes, beside what the device does at most. */
#include "cli.h"
#include <stdio.h>
#include <string.h>

typedef struct table {
    const pf_limits *limits;
    double step; /* seconds */
    int width;   /* of the first column */
} table;

static const char sum_name[] = "gaps between launches";

static void print_rate(double amount, double seconds, double limit) {
    const double rate = seconds > 0 ? amount / seconds : 0;
    if (rate > 0)
        printf("  %8.1f %5.0f %%", 1e-9 * rate, limit > 0 ? 100 * rate / limit : 0);
    else
        printf("  %8s %7s", "-", "");
}

static void print_sum(const table *t, const char *what, double launches, double seconds) {
    printf("%-*s  %8.4g  %9.1f  %5.1f %%", t->width, what, launches, 1e6 * seconds, 100 * seconds / t->step);
}

static void print_rows(table *t, const char *first, const pf_profile_row *rows, int count) {
    t->width = (int)sizeof sum_name - 1;
    for (int i = 0; i < count; i++)
        if ((int)strlen(rows[i].name) > t->width) t->width = (int)strlen(rows[i].name);
    printf("\n%-*s  launches  us a step    share   Gflop/s of most   Gbyte/s of most\n", t->width, first);
    for (int i = 0; i < count; i++) {
        print_sum(t, rows[i].name, rows[i].launches, rows[i].seconds);
        print_rate(rows[i].flops, rows[i].seconds, t->limits->flops);
        print_rate(rows[i].bytes, rows[i].seconds, t->limits->bytes);
        putchar('\n');
    }
}

static void print_host(const pf_profile *p) {
    const double wall = p->wall_seconds > 0 ? p->wall_seconds : 1;
    printf("\nhost: %.1f us a step: enqueueing %.1f us (%.1f %%), waiting for the device %.1f %%, for the "
           "loader %.1f %%, metrics %.1f %%\n",
           1e6 * p->wall_seconds, 1e6 * p->host_seconds, 100 * p->host_seconds / wall,
           100 * p->ahead_seconds / wall, 100 * p->data_seconds / wall, 100 * p->logging_seconds / wall);
    printf("inside kernels: %.1f %% of the device's step, %.1f %% of the host's\n",
           100 * p->kernel_seconds / (p->kernel_seconds + p->transfer_seconds + p->gap_seconds),
           100 * p->kernel_seconds / wall);
}

void cli_profile(const pf_profile *p, const pf_limits *limits) {
    if (p->steps == 0) {
        printf("profile: no step was timed\n");
        return;
    }
    table t = {limits, p->kernel_seconds + p->transfer_seconds + p->gap_seconds, 0};
    double commands = 0;
    for (int i = 0; i < p->family_count; i++) commands += p->families[i].launches;
    printf("\nprofile of %lld steps; the device does at most %.1f Gflop/s (multiply-adds) and %.1f Gbyte/s "
           "(triad), a launch costs %.2f us\n",
           (long long)p->steps, 1e-9 * limits->flops, 1e-9 * limits->bytes, 1e6 * limits->launch_seconds);
    print_rows(&t, "family", p->families, p->family_count);
    print_sum(&t, sum_name, commands, p->gap_seconds);
    putchar('\n');
    print_sum(&t, "step", commands, t.step);
    putchar('\n');
    print_rows(&t, "launch", p->launches, p->launch_count);
    print_host(p);
}
