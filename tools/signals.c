/* SPDX-License-Identifier: MIT
 * Signals of commands that train: the first Ctrl-C asks for a stop, the second ends the program. */
#include "cli.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* What a handler may touch. */
volatile sig_atomic_t cli_stop, cli_save;

static void on_stop(int number) {
    cli_stop = number;
}

static void on_save(int number) {
    (void)number;
    cli_save = 1;
}

void cli_catch_signals(void) {
    struct sigaction stop = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND},
                     save = {.sa_handler = on_save, .sa_flags = SA_RESTART};
    sigemptyset(&stop.sa_mask);
    sigemptyset(&save.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup means: go on */
        sigaction(SIGHUP, &stop, NULL);
    sigaction(SIGUSR1, &save, NULL);
    signal(SIGPIPE, SIG_IGN); /* who reads our progress may leave: the training goes on */
}

int cli_interrupted(const pf_error *error) {
    fprintf(stderr, "pushforward: %s\n%s\n", error->message, error->hint);
    return cli_stop == SIGTERM ? 143 : cli_stop == SIGHUP ? 129 : pf_status_exit_code(PF_INTERRUPTED);
}
