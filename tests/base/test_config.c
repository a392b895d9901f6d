/* SPDX-License-Identifier: MIT
 * The configuration: order of winning, origins, types, limits, suggestions, paths, and the printed copy. */
#include "base/config.h"
#include "base/file.h"
#include "check.h"
#include <unistd.h>

static const pf__option train_table[] = {
    {"train", "steps", PF__OPTION_INT, NULL, 1, 1e9, "1000", NULL, "steps", "Number of optimiser steps",
     NULL},
    {"train", "lr", PF__OPTION_REAL, NULL, 0, 1, "1e-3", "eta", NULL, "Learning rate", "eq. 3"},
    {"train", "fast", PF__OPTION_BOOL, NULL, 0, 0, "no", NULL, NULL, "Fast", NULL},
    {"train", "ema", PF__OPTION_LIST, NULL, 0, 1, "0.999, 0.9999", NULL, NULL, "Rates", NULL},
    {"train", "clip", PF__OPTION_REAL, NULL, 0, INFINITY, "", NULL, NULL, "Clip", NULL},
    {"data", "path", PF__OPTION_PATH, "none", 0, 0, "", NULL, NULL, "Data set", NULL},
    {"train", "note", PF__OPTION_TEXT, NULL, 0, 0, "", NULL, NULL, "Note", NULL},
    {NULL, NULL, PF__OPTION_INT, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL},
};
static const pf__option method_table[] = {
    {"method", "name", PF__OPTION_CHOICE, "flow|meanflow|drifting", 0, 0, "flow", NULL, NULL, "Method", NULL},
    {"method", "seed", PF__OPTION_INT, NULL, 0, 0, "0", NULL, NULL, "Seed", NULL},
    {NULL, NULL, PF__OPTION_INT, NULL, 0, 0, NULL, NULL, NULL, NULL, NULL},
};

static pf__config *open_config(void) {
    pf_error err = {0};
    pf__config *c = NULL;
    CHECK_OK(pf__config_create(&c, &err), err);
    CHECK_OK(pf__config_add_table(c, train_table, &err), err);
    CHECK_OK(pf__config_add_table(c, method_table, &err), err);
    return c;
}

static void test_defaults(void) {
    pf_error err = {0};
    pf__config *c = open_config();
    double list[4] = {0};
    CHECK_OK(pf__config_resolve(c, &err), err);
    CHECK_INT(pf__config_int(c, "train.steps"), 1000);
    CHECK_NEAR(pf__config_real(c, "train.lr"), 1e-3, 0);
    CHECK_INT(pf__config_bool(c, "train.fast"), 0);
    CHECK_INT(pf__config_list(c, "train.ema", list, 4), 2);
    CHECK_NEAR(list[1], 0.9999, 0);
    CHECK_INT(pf__config_list(c, "train.ema", list, 1), 2);
    CU_ASSERT_STRING_EQUAL(pf__config_text(c, "data.path"), "");
    CU_ASSERT_STRING_EQUAL(pf__config_text(c, "method.name"), "flow");
    CU_ASSERT_STRING_EQUAL(pf__config_origin(c, "train.lr"), "default");
    CU_ASSERT(pf__config_has(c, "train.lr") && !pf__config_has(c, "train.l"));
    pf__config_destroy(&c);
    CU_ASSERT_PTR_NULL(c);
    pf__config_destroy(&c);
}

static void test_order(void) {
    pf_error err = {0};
    pf__config *c = open_config();
    CHECK_OK(pf__config_read_text(c, "[train]\nsteps = 1e6\nlr=0.5\n[method]\nname=meanflow", "a.ini", &err),
             err);
    CHECK_OK(pf__config_set(c, " train.lr = 0.25 ", "--set", &err), err);
    CHECK_OK(pf__config_set(c, "method.seed=9007199254740993", "--set", &err), err);
    CU_ASSERT_STRING_EQUAL(pf__config_peek(c, "method.name", "x"), "meanflow");
    CU_ASSERT_STRING_EQUAL(pf__config_peek(c, "model.kind", "mlp"), "mlp");
    CHECK_OK(pf__config_resolve(c, &err), err);
    CHECK_INT(pf__config_int(c, "train.steps"), 1000000);
    CHECK_INT(pf__config_int(c, "method.seed"), 9007199254740993);
    CHECK_NEAR(pf__config_real(c, "train.lr"), 0.25, 0);
    CU_ASSERT_STRING_EQUAL(pf__config_origin(c, "train.lr"), "--set");
    CU_ASSERT_STRING_EQUAL(pf__config_origin(c, "train.steps"), "a.ini:2");
    pf__config_destroy(&c);
}

/* One line of [train] or a whole text, and the message and hint it must give. */
static void check_refused(const char *text, const char *message, const char *hint) {
    pf_error err = {0};
    pf__config *c = open_config();
    CHECK_OK(pf__config_read_text(c, text, "a.ini", &err), err);
    CHECK_INT(pf__config_resolve(c, &err), PF_USAGE);
    if (strcmp(err.message, message) != 0) fprintf(stderr, "got  %s\nwant %s\n", err.message, message);
    CU_ASSERT_STRING_EQUAL(err.message, message);
    if (hint) CHECK_CONTAINS(err.hint, hint);
    pf__config_destroy(&c);
}

static void test_repeated_keys(void) {
    pf_error err = {0};
    pf__config *c = open_config();
    CHECK_INT(pf__config_read_text(c, "[train]\nlr = 0.1\nsteps = 3\n[train]\nlr = 0.2\n", "a.ini", &err),
              PF_USAGE);
    CU_ASSERT_STRING_EQUAL(err.message, "a.ini:5: train.lr is given a second time");
    CHECK_CONTAINS(err.hint, "a.ini:2");
    pf__config_destroy(&c);
    c = open_config(); /* another source overrides: the later one holds */
    CHECK_OK(pf__config_read_text(c, "[train]\nlr = 0.1\n", "a.ini", &err), err);
    CHECK_OK(pf__config_read_text(c, "[train]\nlr = 0.2\n", "b.ini", &err), err);
    CHECK_OK(pf__config_set(c, "train.lr=0.3", "--set", &err), err);
    CHECK_OK(pf__config_set(c, "train.lr=0.4", "--set", &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    CHECK_NEAR(pf__config_real(c, "train.lr"), 0.4, 0);
    pf__config_destroy(&c);
}

static void test_refusals(void) {
    check_refused("\n[train]\nlr = -1", "a.ini:3: train.lr = -1 is outside [0, 1]", NULL);
    check_refused("[train]\nlr = nan", "a.ini:2: train.lr = nan is outside [0, 1]", NULL);
    check_refused("[train]\nlr = fast", "a.ini:2: train.lr = fast is not a number", NULL);
    check_refused("[train]\nsteps = 1.5", "a.ini:2: train.steps = 1.5 is not a whole number", NULL);
    check_refused("[train]\nsteps =", "a.ini:2: train.steps has no value", NULL);
    check_refused("[train]\nclip = -2", "a.ini:2: train.clip = -2 is not >= 0", NULL);
    check_refused("[train]\nema = 0.9, 2", "a.ini:2: train.ema = 0.9, 2 is outside [0, 1]", NULL);
    check_refused("[train]\nema = 0.9;0.8",
                  "a.ini:2: train.ema = 0.9;0.8 is not a list of numbers separated by commas", NULL);
    check_refused("[train]\nfast = maybe", "a.ini:2: train.fast = maybe is not true or false", NULL);
    check_refused("[method]\nname = meanflw",
                  "a.ini:2: method.name = meanflw is not one of flow|meanflow|drifting", "'meanflow'");
    check_refused("[method]\nname = flow|mean",
                  "a.ini:2: method.name = flow|mean is not one of flow|meanflow|drifting", NULL);
    check_refused("[train]\nstep = 5", "a.ini:2: unknown key train.step", "did you mean 'train.steps'?");
    check_refused("[tran]\nlr = 5", "a.ini:2: unknown key tran.lr", "did you mean 'train.lr'?");
    check_refused("[data]\nseed = 5", "a.ini:2: unknown key data.seed", "did you mean 'method.seed'?");
    check_refused("[method]\nwhatever = 5", "a.ini:2: unknown key method.whatever",
                  "[method] has: name seed");
    check_refused("[zebra]\nstripes = 5", "a.ini:2: unknown key zebra.stripes", "no section [zebra]");
}

static void test_set_refusals(void) {
    pf_error err = {0};
    pf__config *c = open_config();
    CHECK_INT(pf__config_set(c, "train.lr", "--set", &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "--set: 'train.lr'");
    CHECK_INT(pf__config_set(c, "lr=1.5", "--set", &err), PF_USAGE);
    CHECK_INT(pf__config_set(c, "train.note=a ;b", "--set", &err), PF_USAGE);
    CHECK_INT(pf__config_set(c, "train.note=a\nb", "--set", &err), PF_USAGE);
    CHECK_INT(pf__config_read_text(c, "lr = 5\n", "b.ini", &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "b.ini:1: lr stands before any [section]");
    CHECK_INT(pf__config_read(c, "/no/such.ini", &err), PF_DATA);
    CHECK_OK(pf__config_resolve(c, &err), err); /* nothing refused was kept */
    pf__config_destroy(&c);
}

static void test_paths(void) {
    pf_error err = {0};
    pf__config *c = open_config();
    char folder[] = "/tmp/pf-config-XXXXXX", path[64], want[64];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.ini", folder);
    snprintf(want, sizeof want, "%s/../d.h5", folder);
    const char *text = "[data]\npath = ../d.h5\n";
    CHECK_OK(pf__file_write(path, text, strlen(text), &err), err);
    CHECK_OK(pf__config_read(c, path, &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    CU_ASSERT_STRING_EQUAL(pf__config_text(c, "data.path"), want);
    CHECK_CONTAINS(pf__config_origin(c, "data.path"), "/x.ini:2");
    CHECK_OK(pf__config_set(c, "data.path=d.h5", "--data", &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    CU_ASSERT_STRING_EQUAL(pf__config_text(c, "data.path"), "d.h5");
    CHECK_OK(pf__config_read_text(c, "[data]\npath = e.h5\n", "copy", &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    CU_ASSERT_STRING_EQUAL(pf__config_text(c, "data.path"), "e.h5");
    CHECK_OK(pf__file_write(path, "[data]\0path", 11, &err), err);
    CHECK_INT(pf__config_read(c, path, &err), PF_DATA);
    CHECK_OK(pf__config_set(c, "data.path=none", "--data", &err), err); /* a word */
    CHECK_OK(pf__config_resolve(c, &err), err);
    CU_ASSERT(pf__config_is_word(c, "data.path"));
    unlink(path);
    snprintf(path, sizeof path, "%s/y.ini", folder);
    CHECK_OK(pf__file_write(path, "[data]\npath = none\n", 19, &err), err);
    CHECK_OK(pf__config_read(c, path, &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    CU_ASSERT_STRING_EQUAL(pf__config_text(c, "data.path"), "none");
    CHECK_OK(pf__config_set(c, "data.path=./none", "--data", &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    CU_ASSERT(!pf__config_is_word(c, "data.path"));
    unlink(path);
    rmdir(folder);
    pf__config_destroy(&c);
}

static void test_print(void) {
    pf_error err = {0};
    pf__config *c = open_config(), *again = open_config();
    pf__text text = {0}, same = {0}, origins = {0};
    char note[1100] = "train.note=";
    memset(note + 11, 'n', 1000);
    CHECK_OK(pf__config_set(c, note, "--set", &err), err);
    CHECK_OK(pf__config_set(c, "data.path=a b.h5", "--data", &err), err);
    CHECK_OK(pf__config_resolve(c, &err), err);
    pf__config_print(c, false, false, &text);
    CHECK_CONTAINS(text.data, "[train]\nsteps = 1000\nlr = 1e-3\n");
    CHECK_CONTAINS(text.data, "\n\n[data]\npath = a b.h5\n\n[method]\n");
    CHECK_OK(pf__config_read_text(again, text.data, "copy", &err), err);
    CHECK_OK(pf__config_resolve(again, &err), err);
    pf__config_print(again, false, false, &same);
    CU_ASSERT_STRING_EQUAL(same.data, text.data);
    pf__config_print(c, true, true, &origins);
    CHECK_CONTAINS(origins.data, "  ; --set\n");
    CHECK_CONTAINS(origins.data, "; default\n");
    CU_ASSERT_PTR_NULL(strstr(origins.data, "path"));
    pf__config_destroy(&again);
    again = open_config();
    CHECK_OK(pf__config_read_text(again, origins.data, "copy", &err), err);
    CHECK_OK(pf__config_resolve(again, &err), err);
    CHECK_INT(strlen(pf__config_text(again, "train.note")), 1000);
    pf__text_free(&text);
    pf__text_free(&same);
    pf__text_free(&origins);
    pf__config_destroy(&again);
    pf__config_destroy(&c);
}

static void test_help(void) {
    pf__text text = {0};
    pf__option_help(train_table, &text);
    CHECK_CONTAINS(text.data, "  train.lr     real in [0, 1], default 1e-3\n");
    CHECK_CONTAINS(text.data, "eta: Learning rate (eq. 3)\n");
    CHECK_CONTAINS(text.data, "  train.steps  int in [1, 1e+09], steps, default 1000\n");
    CHECK_CONTAINS(text.data, "  train.clip   real >= 0, unset\n");
    pf__text_free(&text);
}

void test_config_suite(void) {
    CU_pSuite s = CU_add_suite("config", NULL, NULL);
    CU_add_test(s, "defaults", test_defaults);
    CU_add_test(s, "order", test_order);
    CU_add_test(s, "refusals", test_refusals);
    CU_add_test(s, "repeated keys", test_repeated_keys);
    CU_add_test(s, "set refusals", test_set_refusals);
    CU_add_test(s, "paths", test_paths);
    CU_add_test(s, "print", test_print);
    CU_add_test(s, "help", test_help);
}
