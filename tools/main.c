/* SPDX-License-Identifier: MIT
 * The program pushforward: finds the command, prints the overview. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const cli_command *const commands[] = {&cli_devices, &cli_data,   &cli_train,   &cli_sample,
                                              &cli_info,    &cli_eval,   &cli_analyze, &cli_compare,
                                              &cli_explain, &cli_report, &cli_cache,   &cli_selftest};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void overview(void) {
    puts("pushforward trains one-step generative models on any OpenCL device.\n\n"
         "Usage: pushforward COMMAND [OPTION ...]\n\nCommands:");
    for (int i = 0; i < COMMANDS; i++) printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    puts(
        "  help       pushforward help COMMAND; pushforward help config: every key of a configuration\n\n"
        "Examples:\n"
        "  pushforward data make 8gaussians 8gaussians.h5\n"
        "  pushforward train --data 8gaussians.h5 --out run\n"
        "  pushforward sample run -n 4096 -o samples.png\n\n"
        "Environment: PF_DEVICE (as --device), PF_CACHE (folder that keeps compiled kernels and "
        "self-test\n"
        "verdicts, or on, or off; see pushforward cache --help), PF_KERNEL_DIR (OpenCL C sources to use "
        "instead "
        "of the\n"
        "built-in ones).\n"
        "Exit codes: 0 ok; 1 the system failed; 2 usage or configuration; 3 no usable device; 4 bad data or\n"
        "checkpoint; 5 not a number in training; 6 mismatch; 129, 130, 143 interrupted after a saved "
        "checkpoint.");
}

static int fail_command(const char *word) {
    const char *names[COMMANDS + 2];
    int n = 0;
    for (; n < COMMANDS; n++) names[n] = commands[n]->name;
    names[n++] = "help";
    names[n] = NULL;
    const char *near = cli_nearest(word, names);
    char hint[128];
    snprintf(hint, sizeof hint,
             near ? "did you mean 'pushforward %s'?" : "pushforward --help lists the commands", near);
    return cli_usage(hint, "unknown command '%s'", word);
}

static const cli_command *find(const char *name) {
    for (int i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static int help(int argc, char **argv) {
    if (argc < 2) {
        overview();
        return 0;
    }
    if (strcmp(argv[1], "config") == 0) {
        char *text = pf_config_help(argc > 2 ? argv[2] : NULL);
        puts("Keys of a configuration: section.key = value in an INI file, or --set section.key=value.\n");
        if (text) fputs(text, stdout);
        free(text);
        if (argc > 2) return 0;
        text = pf_compare_help();
        if (text) printf("\npushforward compare\n%s", text);
        free(text);
        return 0;
    }
    const cli_command *c = find(argv[1]);
    if (!c) return fail_command(argv[1]);
    char *arguments[] = {argv[1], (char[]){"--help"}, NULL};
    return c->run(2, arguments);
}

/* A full disk shows itself when the output is flushed. */
static int finish(int code) {
    if (cli_json_lacked() && code == 0)
        return cli_fail(PF_MEMORY, &(pf_error){.message = "out of memory: the JSON to print"});
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written || code) return code; /* one message: that of what failed first */
    fputs("pushforward: error: cannot write to the standard output\n"
          "hint: is the disk full, or did the reader of a pipe end?\n",
          stderr);
    return 1;
}

/* Where a shell has closed one of the three, the first file opened would take its number, and our words. */
static void hold_descriptors(void) {
    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
            open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            _exit(1);
}

int main(int argc, char **argv) {
    hold_descriptors();
    cli_json_begin();
    setlocale(LC_ALL, "C");
#ifndef PF_FAULTS
    if (getenv("PF_FAULT"))
        return cli_usage("unset it, or run pushforward_faults, which the tests' build makes (tools/faults)",
                         "PF_FAULT is set, but this program cannot make calls fail");
#endif
    signal(SIGXFSZ, SIG_IGN); /* beyond a limit of file size a write fails and says so, as on a full disk */
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        overview();
        return finish(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("pushforward %s\n", pf_version());
        return finish(0);
    }
    if (strcmp(argv[1], "help") == 0) return finish(help(argc - 1, argv + 1));
    const cli_command *c = find(argv[1]);
    if (!c) return fail_command(argv[1]);
    return finish(c->run(argc - 1, argv + 1));
}
