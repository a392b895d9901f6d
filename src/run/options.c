/* SPDX-License-Identifier: MIT
 * The options of [data] [train] [sample] [runtime], and the public configuration over base/config. */
#include "run/run.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROW(section, name, type, choices, min, max, initial, unit, help) \
    { section, name, PF__OPTION_##type, choices, min, max, initial, NULL, unit, help, NULL }

static const pf__option data_options[] = {
    ROW("data", "path", PATH, NULL, 0, 0, "", NULL, "the data set (HDF5); --data FILE is short for it"),
    ROW("data", "standardize", BOOL, NULL, 0, 0, "true", NULL,
        "subtract the mean and divide by the deviation: per feature, or one pair for all pixels"),
    ROW("data", "shuffle", CHOICE, "full|window", 0, 0, "full", NULL,
        "full: every epoch in an order of its own, from memory; window: shuffled in windows that are read "
        "while "
        "training, for sets larger than memory"),
    ROW("data", "window", INT, NULL, 1, 1 << 20, "256", "MiB",
        "data.shuffle = window: of samples shuffled together; two windows are held in memory"),
    ROW("data", "labels", BOOL, NULL, 0, 0, "false", NULL,
        "give the network the class labels of the data set"),
    ROW("data", "label_drop", REAL, NULL, 0, 0.99, "0", NULL,
        "share of the samples trained without their label, which guidance needs; the papers have 0.1"),
    {0},
};

static const pf__option run_options[] = {
    ROW("train", "steps", INT, NULL, 1, 1e12, "2000", "steps", "length of the training"),
    ROW("train", "batch", INT, NULL, 1, 1 << 24, "256", "samples", "samples in a step"),
    {"train", "lr", PF__OPTION_REAL, NULL, 0, INFINITY, "1e-3", "eta", NULL, "learning rate of AdamW", NULL},
    ROW("train", "warmup", INT, NULL, 0, 1e12, "0", "steps",
        "the learning rate rises linearly over these first steps"),
    ROW("train", "schedule", CHOICE, "constant|cosine", 0, 0, "cosine", NULL,
        "the learning rate after the warm-up; cosine goes down to 0 at the last step"),
    ROW("train", "clip", REAL, NULL, 0, INFINITY, "1", NULL,
        "largest norm of the whole gradient, which is scaled down to it; 0 = no limit"),
    {"train", "beta1", PF__OPTION_REAL, NULL, 0, 0.999999, "0.9", "beta_1", NULL,
     "decay of AdamW's first moment", NULL},
    {"train", "beta2", PF__OPTION_REAL, NULL, 0, 0.9999999, "0.999", "beta_2", NULL,
     "decay of AdamW's second moment", NULL},
    {"train", "eps", PF__OPTION_REAL, NULL, 1e-12, 1, "1e-8", "epsilon", NULL,
     "added to the root of AdamW's second moment", NULL},
    {"train", "weight_decay", PF__OPTION_REAL, NULL, 0, 1e3, "0", "lambda", NULL,
     "decoupled weight decay of AdamW", NULL},
    ROW("train", "ema", LIST, NULL, 0, 0.99999999, "0.999", NULL,
        "decays of the averaged copies of the parameters, at most 4, separated by commas"),
    ROW("train", "ema_ramp", BOOL, NULL, 0, 0, "true", NULL,
        "early averages are shorter: decay min(d, (1 + k) / (10 + k)) at update k"),
    ROW("train", "seed", INT, NULL, 0, 0x1p53, "1", NULL, "of initial weights, order, noise and times"),
    ROW("train", "save_every", INT, NULL, 0, 1e12, "1000", "steps",
        "between checkpoints; 0 = only at the end"),
    ROW("train", "keep_last", INT, NULL, 0, 1e9, "3", NULL, "checkpoints that stay, the newest; 0 = all"),
    ROW("train", "keep_every", INT, NULL, 0, 1e12, "0", "steps",
        "checkpoints at multiples of this stay too, whatever their age; 0 = none"),
    ROW("train", "log_every", INT, NULL, 1, 1e12, "50", "steps", "between lines of metrics.jsonl"),
    ROW("train", "sample_every", INT, NULL, 0, 1e12, "0", "steps",
        "between pictures in samples/, beginning with the untrained network; 0 = only at the end"),
    ROW("train", "on_nan", CHOICE, "stop|skip", 0, 0, "stop", NULL,
        "when a gradient is not finite: stop (exit code 5), or leave that step out"),
    ROW("train", "max_time", REAL, NULL, 0, INFINITY, "0", "seconds",
        "save and stop after this time; 0 = no limit"),

    ROW("sample", "count", INT, NULL, 1, 1 << 24, "64", NULL, "samples in a picture"),
    ROW("sample", "nfe", INT, NULL, 0, 100000, "0", "evaluations",
        "network evaluations per sample; 0 = 1 where the method learns a map, 64 where it learns a velocity"),
    ROW("sample", "solver", CHOICE, "euler|midpoint|heun|rk4|dopri5", 0, 0, "midpoint", NULL,
        "integrates a velocity; dopri5 chooses steps for each sample by rtol and atol, the others make nfe "
        "evaluations"),
    ROW("sample", "rtol", REAL, NULL, 1e-6, 1, "1e-5", NULL,
        "dopri5: a step's error may be atol + rtol |x|, root mean square over a sample"),
    ROW("sample", "atol", REAL, NULL, 1e-7, 1e6, "1e-5", NULL,
        "dopri5: see sample.rtol; in units of standardised data"),
    ROW("sample", "ema", TEXT, NULL, 0, 0, "", NULL,
        "weights to sample with: a rate of train.ema, or none; unset = the longest"),
    ROW("sample", "seed", INT, NULL, 0, 0x1p53, "1", NULL, "of the noise"),
    ROW("sample", "batch", INT, NULL, 1, 1 << 24, "256", "samples", "samples at a time"),

    ROW("runtime", "device", TEXT, NULL, 0, 0, "", NULL,
        "0:1, gpu, cpu, accelerator or name=TEXT; unset = the first GPU, else the first device"),
    ROW("runtime", "matmul", CHOICE, "auto|cpu|clblast|generic", 0, 0, "auto", NULL,
        "who multiplies matrices"),
    ROW("runtime", "selftest", CHOICE, "once|off", 0, 0, "once", NULL,
        "once: before the first training on a device and driver, some seconds of comparing with a reference; "
        "off: never"),
    ROW("runtime", "memory", REAL, NULL, 0.01, 1, "0.9", NULL, "largest part of the device's memory to use"),
    {0},
};

pf_status pf_config_create(pf_config **out, pf_error *error) {
    pf_config *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c) return pf__fail_memory(error, "configuration", sizeof *c);
    pf_status st = pf__config_create(&c->raw, error);
    if (st != PF_OK) {
        free(c);
        return st;
    }
    *out = c;
    return PF_OK;
}

void pf_config_destroy(pf_config **config) {
    if (!config || !*config) return;
    pf__config_destroy(&(*config)->raw);
    free(*config);
    *config = NULL;
}

pf_status pf_config_read(pf_config *config, const char *path, pf_error *error) {
    return pf__config_read(config->raw, path, error);
}

pf_status pf_config_read_text(pf_config *config, const char *text, const char *where, pf_error *error) {
    return pf__config_read_text(config->raw, text, where, error);
}

pf_status pf_config_set(pf_config *config, const char *assignment, const char *origin, pf_error *error) {
    return pf__config_set(config->raw, assignment, origin, error);
}

const char *pf_config_peek(const pf_config *config, const char *key, const char *fallback) {
    return pf__config_peek(config->raw, key, fallback);
}

static pf_status check_labels(const pf__config *config, pf_error *err) {
    if (pf__config_real(config, "data.label_drop") <= 0 || pf__config_bool(config, "data.labels"))
        return PF_OK;
    return pf__hint(err,
                    pf__fail(err, PF_USAGE, "%s: data.label_drop > 0 with data.labels = false drops nothing",
                             pf__config_origin(config, "data.label_drop")),
                    "set data.labels = true, or leave data.label_drop out");
}

static pf_status find_method(const pf_config *config, const pf__method **out, pf_error *error) {
    const char *name = pf__config_peek(config->raw, "method.name", "meanflow");
    *out = pf__method_find(name);
    if (*out) return PF_OK;
    return pf__method_hint(name, pf__fail(error, PF_USAGE, "method.name = %s: there is no such method", name),
                           error);
}

static pf_status add_tables(pf_config *config, pf_error *error) {
    const pf__option *tables[] = {data_options, pf__model_options, pf__method_name_options,
                                  config->method->options, run_options};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        PF__TRY(pf__config_add_table(config->raw, tables[i], error));
    return PF_OK;
}

/* The copy in the run folder is read from elsewhere: its paths must not depend on today's folder. */
static pf_status make_path_absolute(pf_config *config, const char *key, pf_error *error) {
    if (!pf__config_has(config->raw, key)) return PF_OK;
    const char *path = pf__config_text(config->raw, key);
    if (*path == '\0' || *path == '/' || pf__config_is_word(config->raw, key)) return PF_OK;
    char folder[4096];
    if (!getcwd(folder, sizeof folder)) return pf__fail(error, PF_SYSTEM, "the current folder has no name");
    pf__text pair = {0};
    pf__text_format(&pair, "%s=%s/%s", key, folder, path);
    char *origin = strdup(pf__config_origin(config->raw, key));
    pf_status st = pair.failed || !origin
                       ? pf__fail_memory(error, key, strlen(path))
                       : pf__config_set(config->raw, pf__text_string(&pair), origin, error);
    if (st == PF_OK) st = pf__config_resolve(config->raw, error);
    free(origin);
    pf__text_free(&pair);
    return st;
}

pf_status pf_config_resolve(pf_config *config, pf_error *error) {
    const pf__method *method;
    PF__TRY(find_method(config, &method, error));
    if (config->method && config->method != method)
        return pf__fail(error, PF_USAGE,
                        "method.name changed from %s to %s after the configuration was resolved",
                        config->method->name, method->name);
    if (!config->method) {
        config->method = method;
        PF__TRY(add_tables(config, error));
    }
    PF__TRY(pf__config_resolve(config->raw, error));
    PF__TRY(make_path_absolute(config, "data.path", error));
    PF__TRY(make_path_absolute(config, "method.teacher", error));
    PF__TRY(check_labels(config->raw, error));
    PF__TRY(method->check(config->raw, error));
    pf__train_options options;
    return pf__train_options_get(&options, config->raw, error);
}

const char *pf_config_get(const pf_config *config, const char *key) {
    return pf__config_has(config->raw, key) ? pf__config_text(config->raw, key) : NULL;
}

double pf_config_number(const pf_config *config, const char *key) {
    double value;
    const char *text = pf_config_get(config, key);
    if (!text || !*text) return 0;
    if (pf__parse_real(text, &value)) return value;
    return strcmp(text, "true") == 0 || strcmp(text, "yes") == 0 || strcmp(text, "on") == 0;
}

const char *pf_config_origin(const pf_config *config, const char *key) {
    return pf__config_has(config->raw, key) ? pf__config_origin(config->raw, key) : NULL;
}

static char *take_text(pf__text *t) {
    if (t->failed) {
        pf__text_free(t);
        return NULL;
    }
    return t->data ? t->data : strdup("");
}

char *pf_config_print(const pf_config *config, bool with_origin) {
    pf__text text = {0};
    pf__config_print(config->raw, with_origin, false, &text);
    return take_text(&text);
}

char *pf_config_help(const char *method) {
    pf__text text = {0};
    const pf__option *tables[] = {data_options, pf__model_options, run_options};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        pf__option_help(tables[i], &text);
        pf__text_add(&text, "\n");
    }
    pf__option_help(pf__method_name_options, &text);
    for (int i = 0; pf__methods[i]; i++) {
        if (method && strcmp(method, pf__methods[i]->name) != 0) continue;
        pf__text_format(&text, "\n%s\n", pf__methods[i]->summary);
        pf__option_help(pf__methods[i]->options, &text);
    }
    return take_text(&text);
}

const char *pf_method_name(int i) {
    for (int j = 0; pf__methods[j]; j++)
        if (j == i) return pf__methods[j]->name;
    return NULL;
}

const char *pf_method_summary(int i) {
    for (int j = 0; pf__methods[j]; j++)
        if (j == i) return pf__methods[j]->summary;
    return NULL;
}

static pf_status get_ema(pf__train_options *o, const pf__config *config, pf_error *err) {
    double rates[PF_EMA_MAX + 1];
    int count = pf__config_list(config, "train.ema", rates, PF_EMA_MAX + 1);
    if (count > PF_EMA_MAX)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: train.ema has %d rates, at most %d are possible",
                                 pf__config_origin(config, "train.ema"), count, PF_EMA_MAX),
                        "each is a copy of the parameters on the device; choose %d", PF_EMA_MAX);
    for (int i = 0; i < count; i++) {
        o->ema[i] = rates[i];
        snprintf(o->ema_name[i], sizeof o->ema_name[i], "%.9g", rates[i]);
        for (int j = 0; j < i; j++)
            if (strcmp(o->ema_name[i], o->ema_name[j]) == 0)
                return pf__hint(err,
                                pf__fail(err, PF_USAGE, "%s: train.ema names the rate %s twice",
                                         pf__config_origin(config, "train.ema"), o->ema_name[i]),
                                "leave one of them out");
    }
    o->ema_count = count;
    return PF_OK;
}

pf_status pf__train_options_get(pf__train_options *o, const pf__config *config, pf_error *err) {
    *o = (pf__train_options){
        .steps = pf__config_int(config, "train.steps"),
        .batch = pf__config_int(config, "train.batch"),
        .warmup = pf__config_int(config, "train.warmup"),
        .save_every = pf__config_int(config, "train.save_every"),
        .keep_last = pf__config_int(config, "train.keep_last"),
        .keep_every = pf__config_int(config, "train.keep_every"),
        .log_every = pf__config_int(config, "train.log_every"),
        .sample_every = pf__config_int(config, "train.sample_every"),
        .lr = pf__config_real(config, "train.lr"),
        .clip = pf__config_real(config, "train.clip"),
        .beta1 = pf__config_real(config, "train.beta1"),
        .beta2 = pf__config_real(config, "train.beta2"),
        .eps = pf__config_real(config, "train.eps"),
        .weight_decay = pf__config_real(config, "train.weight_decay"),
        .max_seconds = pf__config_real(config, "train.max_time"),
        .ema_ramp = pf__config_bool(config, "train.ema_ramp"),
        .cosine = strcmp(pf__config_text(config, "train.schedule"), "cosine") == 0,
        .skip_nan = strcmp(pf__config_text(config, "train.on_nan"), "skip") == 0,
        .seed = (uint64_t)pf__config_int(config, "train.seed"),
    };
    return get_ema(o, config, err);
}
