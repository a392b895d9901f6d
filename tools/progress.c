/* SPDX-License-Identifier: MIT
 * The progress line of a training: on a terminal one line at most ten times a second, else a plain line every
 * 30 s. */
#include "cli.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 64 };

void progress_begin(progress *p, bool quiet) {
    const char *term = getenv("TERM");
    *p = (progress){.quiet = quiet, .loss = NAN, .shown = cli_seconds()};
    p->terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

/* Seconds per step over the window; NaN before two steps. The first step of a run is left out: it carries
 * what the driver delays. */
static double pace(const progress *p) {
    int n = p->window_count < WINDOW ? p->window_count : WINDOW;
    if (n < 2) return NAN;
    int last = (p->window_next + WINDOW - 1) % WINDOW, first = p->window_count < WINDOW ? 0 : p->window_next;
    int64_t steps = p->window_step[last] - p->window_step[first];
    return steps > 0 ? (p->window[last] - p->window[first]) / (double)steps : NAN;
}

static void remember(progress *p, double clock, int64_t step) {
    p->window[p->window_next] = clock;
    p->window_step[p->window_next] = step;
    p->window_next = (p->window_next + 1) % WINDOW;
    if (p->window_count < WINDOW) p->window_count++;
}

static void print_line(progress *p, const pf_progress *now) {
    double seconds = pace(p);
    char loss[16] = "-", rate[16] = "-", memory[16], left[24] = "-";
    if (isfinite(p->loss)) snprintf(loss, sizeof loss, "%.4g", p->loss); /* none was measured yet */
    if (seconds > 0) {
        cli_si((double)now->batch / seconds, rate);
        cli_duration(seconds * (double)(now->steps - now->step), left);
    }
    cli_bytes((double)now->memory_bytes, memory);
    fprintf(stderr, "%sstep %lld/%lld  loss %s  %s samples/s  %.3g ms/step  left %s  %s%s",
            p->terminal ? "\r" : "", (long long)now->step, (long long)now->steps, loss, rate, 1e3 * seconds,
            left, memory, p->terminal ? "\033[K" : "\n");
    fflush(stderr);
    p->line_open = p->terminal;
}

void progress_show(void *user, const pf_progress *now) {
    progress *p = user;
    double clock = cli_seconds();
    if (now->logged && isfinite(now->loss))
        p->loss = isfinite(p->loss) ? 0.7 * p->loss + 0.3 * now->loss : now->loss;
    bool spaced = p->window_count == 0 || clock - p->window[(p->window_next + WINDOW - 1) % WINDOW] >= 0.1;
    if (!now->first && spaced) remember(p, clock, now->step);
    if (p->quiet || clock - p->shown < (p->terminal ? 0.1 : 30)) return;
    p->shown = clock;
    print_line(p, now);
}

void progress_end(progress *p) {
    if (p->line_open) fputc('\n', stderr);
    p->line_open = false;
}
