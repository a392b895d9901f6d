/* SPDX-License-Identifier: MIT
 * pushforward data: make, import, check and show data sets. */
#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option no_options[] = {{0}};

const cli_command cli_data = {
    .name = "data",
    .usage = "make|import|reflow|check|show ...",
    .summary = "make, import, check and show data sets",
    .purpose =
        "Data sets are HDF5 files (datasets/FORMAT.md).\n\n"
        "  make KIND OUT.h5       2-D sets, Gaussians, and `strokes`, grey pictures of digits\n"
        "  import SOURCE OUT.h5   IDX files (MNIST), CIFAR, folders of PNG, NumPy arrays, tables\n"
        "  reflow RUN OUT.h5      what a trained model makes of noise, with that noise: pairs to train on\n"
        "  check FILE.h5          read everything once and verify it\n"
        "  show FILE.h5           a picture of the first samples\n\n"
        "None of them holds a whole set in memory; training does, unless --set data.shuffle=window.\n\n"
        "`pushforward data make --help` and so on tell more.",
    .examples = {"data make strokes strokes.h5", "data import mnist/ mnist.h5",
                 "data show mnist.h5 -o mnist.png"},
    .options = no_options,
    .run = run,
};

static void print_report(void *user, const char *line) {
    fprintf((FILE *)user, "%s\n", line);
}

static int refuse_overwriting(const cli_args *a, const char *path) {
    if (cli_given(a, "force") || !cli_file_exists(path)) return -1;
    return cli_usage("overwrite it with --force, or name another file", "%s exists", path);
}

static void print_set(const char *path, const pf_dataset_info *i) {
    printf("%s: %lld training and %lld test samples of ", path, (long long)i->train_count,
           (long long)i->test_count);
    for (int k = 0; k < i->sample.rank; k++) printf("%s%lld", k ? "x" : "", (long long)i->sample.dim[k]);
    printf(" %s", pf_dtype_name(i->dtype));
    if (i->class_count) printf(", %d classes", i->class_count);
    if (i->has_noise) printf(", with noise");
    putchar('\n');
}

static int describe(const char *path) {
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf_status st = pf_dataset_open(path, &set, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    print_set(path, pf_dataset_describe(set));
    pf_dataset_close(&set);
    return 0;
}

/* ---- make ---- */

static const cli_option make_options[] = {
    {"Size", "train", 'n', "N", "training samples (20000)"},
    {NULL, "test", 't', "N", "test samples (4000)"},
    {NULL, "seed", 's', "N", "of the generator (1); another seed gives fresh samples"},
    {NULL, "balanced", 0, NULL,
     "as many samples of each Gaussian, cell, moon or digit as of any other, not by chance"},
    {"Shape", "noise", 0, "S", "standard deviation of the added noise (the kind's own)"},
    {NULL, "size", 0, "PIXELS", "strokes: side of a picture, 8 to 64 (16)"},
    {NULL, "mean", 0, "LIST", "gaussian: mean, e.g. 1.5,-0.5 (0,0)"},
    {NULL, "covariance", 0, "LIST", "gaussian: rows of the covariance, e.g. 1,0,0,1 (the identity)"},
    {"Output", "force", 'f', NULL, "overwrite an existing file"},
    {0},
};

static const cli_command make_command = {
    .name = "data make",
    .usage = "KIND OUT.h5 [OPTION ...]",
    .purpose = "Makes a data set. KIND is gaussian, 8gaussians, checkerboard, moons, swissroll (all 2-D by "
               "default) or strokes\n"
               "(grey pictures of ten stroke-drawn digits). The same options give the same samples, on every "
               "machine.",
    .examples = {"data make 8gaussians 8gaussians.h5",
                 "data make gaussian g.h5 --mean 1.5 --covariance 0.16"},
    .options = make_options,
};

static int make(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&make_command, argc, argv, 2, 2, &a);
    if (code >= 0) return code;
    double mean[64], covariance[64 * 64];
    int means = cli_list(&a, "mean", mean, 64), numbers = cli_list(&a, "covariance", covariance, 64 * 64),
        dim = means;
    for (int d = 1; dim == 0 && d * d <= numbers; d++)
        if (d * d == numbers) dim = d;
    pf_make_desc desc = {
        .kind = a.positional[0],
        .train = cli_integer(&a, "train", 0, 1, (int64_t)1 << 40),
        .test = cli_integer(&a, "test", 0, 1, (int64_t)1 << 31),
        .seed = (uint64_t)cli_integer(&a, "seed", 0, 0, (int64_t)1 << 53),
        .noise = cli_number(&a, "noise", -1, 0, 1e6),
        .size = (int)cli_integer(&a, "size", 0, 8, 64),
        .balanced = cli_given(&a, "balanced"),
        .dim = dim,
        .mean = means ? mean : NULL,
        .covariance = numbers ? covariance : NULL,
    };
    if (a.failed) return CLI_USAGE;
    if (numbers && numbers != dim * dim)
        return cli_usage("give dim * dim numbers, row by row",
                         "data make: --covariance has %d numbers for %d dimensions", numbers, dim);
    code = refuse_overwriting(&a, a.positional[1]);
    if (code >= 0) return code;
    pf_error error = {0};
    pf_status st = pf_dataset_make(a.positional[1], &desc, &error);
    return st == PF_OK ? describe(a.positional[1]) : cli_fail(st, &error);
}

/* ---- import ---- */

static const cli_option import_options[] = {
    {"Parts", "test-fraction", 0, "F",
     "without a test part: the last fraction of the samples becomes it (0.1); 0 for none"},
    {NULL, "license", 0, "TEXT", "noted in the file (unknown)"},
    {"Output", "force", 'f', NULL, "overwrite an existing file"},
    {0},
};

static const cli_command import_command = {
    .name = "data import",
    .usage = "SOURCE OUT.h5 [OPTION ...]",
    .purpose =
        "Imports a data set. SOURCE is one of\n\n"
        "  IDX     a file (plain or .gz), or a folder with train-images..., train-labels..., t10k-...\n"
        "  CIFAR   cifar-10-binary.tar.gz, cifar-100-binary.tar.gz, or the folder of their .bin files\n"
        "  PNG     a folder with one sub-folder of .png files for each class, all of one size;\n"
        "          or train/ and test/ with such sub-folders; or one folder of .png files, no classes\n"
        "  NumPy   a .npy file [N, D], [N, H, W] or [N, H, W, C]; or an .npz with x and y,\n"
        "          or with x_train, y_train, x_test, y_test\n"
        "  table   .csv, .tsv or .txt (also .gz) of numbers, one sample a line; a last column called\n"
        "          label, y or class holds the classes, numbered from 0\n\n"
        "Without a test part the last tenth of the samples becomes it: shuffle sorted tables and arrays "
        "before.",
    .examples = {"data import mnist/ mnist.h5", "data import cifar-10-binary.tar.gz cifar.h5",
                 "data import points.csv points.h5 --test-fraction 0.2"},
    .options = import_options,
};

static int import(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&import_command, argc, argv, 2, 2, &a);
    if (code >= 0) return code;
    double fraction = cli_number(&a, "test-fraction", 0, 0, 0.9);
    if (cli_given(&a, "test-fraction") && fraction == 0) fraction = -1;
    pf_import_desc desc = {
        .source = a.positional[0], .test_fraction = fraction, .license = cli_text(&a, "license", NULL)};
    if (a.failed) return CLI_USAGE;
    code = refuse_overwriting(&a, a.positional[1]);
    if (code >= 0) return code;
    pf_error error = {0};
    pf_status st = pf_dataset_import(a.positional[1], &desc, print_report, stderr, &error);
    return st == PF_OK ? describe(a.positional[1]) : cli_fail(st, &error);
}

/* ---- check ---- */

static const cli_command check_command = {
    .name = "data check",
    .usage = "FILE.h5",
    .purpose = "Reads a data set once and reports what is wrong with it: missing parts, values that are not "
               "finite, labels out\n"
               "of range, a checksum that does not fit. Exit code 4 when something is.",
    .examples = {"data check mnist.h5", "data check 8gaussians.h5"},
    .options = no_options,
};

static int check(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&check_command, argc, argv, 1, 1, &a);
    if (code >= 0) return code;
    pf_error error = {0};
    pf_status st = pf_dataset_check(a.positional[0], print_report, stdout, &error);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}

/* ---- show ---- */

static const cli_option show_options[] = {
    {"Choice", "count", 'n', "N", "samples (64 images, 4096 points)"},
    {NULL, "test", 't', NULL, "of the test part"},
    {NULL, "first", 0, "N", "row to begin with (0)"},
    {"Output", "out", 'o', "FILE", "picture to write (data.png)"},
    {0},
};

static const cli_command show_command = {
    .name = "data show",
    .usage = "FILE.h5 [OPTION ...]",
    .purpose =
        "Draws the first samples of a data set: a grid of images, or a cloud of points coloured by class.",
    .examples = {"data show strokes.h5", "data show 8gaussians.h5 -n 10000 -o points.png"},
    .options = show_options,
};

static pf_status show_rows(pf_dataset *set, cli_args *a, int64_t first, int64_t count, pf_error *error) {
    const pf_dataset_info *i = pf_dataset_describe(set);
    pf_samples s = {.count = count, .dim = i->dim, .sample = i->sample};
    s.x = malloc((size_t)(count * i->dim) * sizeof *s.x);
    s.label = i->class_count ? malloc((size_t)count * sizeof *s.label) : NULL;
    snprintf(s.header, sizeof s.header, "%.300s rows %lld to %lld", a->positional[0], (long long)first,
             (long long)(first + count - 1));
    pf_status st = s.x && (s.label || !i->class_count) ? PF_OK : PF_MEMORY;
    if (st == PF_OK)
        st = pf_dataset_read(set, cli_given(a, "test") ? PF_TEST : PF_TRAIN, first, count, s.x, s.label,
                             error);
    if (st == PF_OK)
        st = pf_samples_write(cli_text(a, "out", "data.png"), &s, i->dtype == PF_U8, i->scale_factor,
                              i->add_offset, error);
    pf_samples_free(&s);
    return st;
}

static int show(int argc, char **argv) {
    cli_args a;
    int code = cli_parse(&show_command, argc, argv, 1, 1, &a);
    if (code >= 0) return code;
    int64_t count = cli_integer(&a, "count", 0, 1, 1 << 24),
            first = cli_integer(&a, "first", 0, 0, (int64_t)1 << 40);
    if (a.failed) return CLI_USAGE;
    pf_error error = {0};
    pf_dataset *set = NULL;
    pf_status st = pf_dataset_open(a.positional[0], &set, &error);
    if (st != PF_OK) return cli_fail(st, &error);
    const pf_dataset_info *i = pf_dataset_describe(set);
    int64_t rows = cli_given(&a, "test") ? i->test_count : i->train_count;
    if (!count) count = i->sample.rank == 3 ? 64 : 4096;
    if (first >= rows) first = rows > 0 ? rows - 1 : 0;
    if (count > rows - first) count = rows - first;
    st = show_rows(set, &a, first, count, &error);
    pf_dataset_close(&set);
    if (st != PF_OK) return cli_fail(st, &error);
    printf("%s: %lld samples of %s\n", cli_text(&a, "out", "data.png"), (long long)count, a.positional[0]);
    return 0;
}

static int run(int argc, char **argv) {
    static const char *const names[] = {"make", "import", "reflow", "check", "show", NULL};
    static int (*const runs[])(int, char **) = {make, import, cli_data_reflow, check, show};
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        cli_help(&cli_data);
        return argc < 2 ? CLI_USAGE : 0;
    }
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], argv[1]) == 0) return runs[i](argc - 1, argv + 1);
    const char *near = cli_nearest(argv[1], names);
    char hint[96];
    snprintf(hint, sizeof hint,
             near ? "did you mean 'pushforward data %s'?" : "there are: make, import, reflow, check, show",
             near);
    return cli_usage(hint, "unknown command 'data %s'", argv[1]);
}
