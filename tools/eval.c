/* SPDX-License-Identifier: MIT
 * pushforward eval: numbers about a model or a file of samples, each beside what two real sets would give. */
#include "cli.h"
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv);

static const cli_option options[] = {
    {"Input", "data", 'd', "FILE", "the data set to compare with (required, but for --gaussian-mean)"},
    {NULL, "count", 'n', "N", "samples to draw from a model (4096, at most the training part)"},
    {NULL, "seed", 's', "N", "of the noise (1)"},
    {NULL, "weights", 'w', "NAME", "as for sample"},
    {NULL, "nfe", 0, "N", "network evaluations per sample"},
    {NULL, "solver", 0, "NAME", "as for sample"},
    {NULL, "rtol", 0, "X", "as for sample"},
    {NULL, "atol", 0, "X", "as for sample"},
    {NULL, "guidance", 0, "W", "as for sample"},
    {NULL, "device", 0, "DEVICE", "as for train"},
    {"Choice (default: sliced W2, and of a model the flow-matching error)", "metrics", 'm', "LIST",
     "of sliced,exact,energy,mmd,modes, or all (sliced)"},
    {NULL, "slices", 0, "N", "sliced W2: directions (128)"},
    {NULL, "untrained", 0, NULL, "of a model: also the sliced W2 of the network before training"},
    {NULL, "nearest", 0, NULL,
     "distance to the nearest training sample, beside that of held-out samples; classes of these neighbours"},
    {NULL, "gaussian-mean", 0, "LIST",
     "of a model: distance from m + C^(1/2) noise, sample by sample; with --gaussian-covariance"},
    {NULL, "gaussian-covariance", 0, "LIST", "rows of C"},
    {"Output", "json", 'j', NULL, "as JSON"},
    {0},
};

const cli_command cli_eval = {
    .name = "eval",
    .usage = "RUN|CHECKPOINT.h5|SAMPLES.h5|SAMPLES.npy --data FILE [OPTION ...]",
    .summary = "measure a model or a file of samples",
    .purpose =
        "Measures samples against a data set, in units of the data's standard deviation. Every number comes "
        "with the one\n"
        "that two real sets have (the floor), because finite samples differ even when nothing is wrong.",
    .examples = {"eval run --data 8gaussians.h5 --untrained", "eval run --data 8gaussians.h5 --metrics all",
                 "eval samples.h5 --data fresh-strokes.h5 --nearest --json"},
    .options = options,
    .run = run,
};

typedef struct job {
    cli_args a;
    pf_context *context;
    pf_checkpoint *checkpoint;
    pf_sampler *sampler; /* NULL for a file of samples */
    pf_dataset *set;     /* NULL without --data */
    pf_samples samples;
    double *mean, *deviation; /* of the data, [dim] */
    cJSON *json;
} job;

/* ---- reporting ---- */

static void number(job *j, const char *key, const char *text, double value) {
    cJSON_AddNumberToObject(j->json, key, value);
    if (!cli_given(&j->a, "json")) printf("%-46s %.5g\n", text, value);
}

static pf_status fail(pf_error *error, pf_status st, const char *message, const char *hint) {
    *error = (pf_error){.status = st};
    snprintf(error->message, sizeof error->message, "%s", message);
    snprintf(error->hint, sizeof error->hint, "%s", hint);
    return st;
}

/* ---- input ---- */

static pf_status draw(job *j, const char *weights, pf_samples *out, pf_error *error) {
    cli_args *a = &j->a;
    pf_sampler_desc desc = {
        .context = j->context,
        .checkpoint = j->checkpoint,
        .weights = weights,
        .nfe = (int)cli_integer(a, "nfe", 0, 1, 100000),
        .solver = cli_text(a, "solver", NULL),
        .rtol = cli_number(a, "rtol", 0, 1e-6, 1),
        .atol = cli_number(a, "atol", 0, 1e-7, 1e6),
        .guidance = cli_number(a, "guidance", 0, 1e-3, 100),
    };
    pf_sampler_destroy(&j->sampler);
    pf_status st = pf_sampler_create(&j->sampler, &desc, error);
    if (st != PF_OK) return st;
    const pf_sampler_info *i = pf_sampler_describe(j->sampler);
    int64_t count = cli_integer(a, "count", 4096, 1, 1 << 28);
    if (!cli_given(a, "count") && j->set && count > pf_dataset_describe(j->set)->train_count)
        count = pf_dataset_describe(j->set)->train_count;
    *out = (pf_samples){.count = count, .dim = i->dim, .noise_dim = i->noise_dim, .sample = i->sample};
    out->x = malloc((size_t)(count * i->dim) * sizeof *out->x);
    out->noise = malloc((size_t)(count * i->noise_dim) * sizeof *out->noise);
    out->label = i->class_count ? malloc((size_t)count * sizeof *out->label) : NULL;
    if (!out->x || !out->noise || (i->class_count && !out->label))
        return fail(error, PF_MEMORY, "out of memory: samples", "");
    for (int64_t k = 0; out->label && k < count; k++) out->label[k] = (int32_t)(k % i->class_count);
    const uint64_t seed = (uint64_t)cli_integer(a, "seed", 1, 0, (int64_t)1 << 53);
    pf_sampler_noise(j->sampler, seed, 0, count, out->noise);
    pf_sampler_renew(j->sampler, seed, 0);
    return pf_sampler_run(j->sampler, out->noise, out->label, count, out->x, error);
}

static bool is_samples_file(const char *path) {
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".npy") == 0) return true;
    pf_samples s;
    if (n < 4 || strcmp(path + n - 3, ".h5") != 0 || pf_samples_read(path, "/x", &s, NULL) != PF_OK)
        return false;
    pf_samples_free(&s);
    return true;
}

static pf_status open_input(job *j, pf_error *error) {
    const char *path = j->a.positional[0], *data = cli_text(&j->a, "data", NULL);
    pf_status st = data ? pf_dataset_open(data, &j->set, error) : PF_OK;
    if (st != PF_OK) return st;
    if (is_samples_file(path)) {
        st = pf_samples_read(path, "/x", &j->samples, error);
    } else {
        st = cli_open_model(&j->a, path, true, &j->checkpoint, &j->context, error);
        if (st == PF_OK) st = draw(j, cli_text(&j->a, "weights", NULL), &j->samples, error);
    }
    if (st == PF_OK && j->set && j->samples.dim != pf_dataset_describe(j->set)->dim) {
        char message[512];
        snprintf(message, sizeof message, "%.200s has samples of %" PRId64 " numbers, %.200s of %" PRId64,
                 path, j->samples.dim, cli_text(&j->a, "data", ""), pf_dataset_describe(j->set)->dim);
        st = fail(error, PF_DATA, message, "compare with the set that the model was trained on");
    }
    return st;
}

/* ---- units: the data's mean and deviation, per feature or one pair for images ---- */

enum { UNIT_ROWS = 20000 };

static void measure(job *j, const float *x, int64_t rows, bool shared) {
    int64_t dim = j->samples.dim;
    double mean = 0, variance = 0;
    for (int64_t k = 0; k < dim; k++) {
        double sum = 0, square = 0;
        for (int64_t i = 0; i < rows; i++) sum += (double)x[i * dim + k];
        sum /= (double)rows;
        for (int64_t i = 0; i < rows; i++)
            square += ((double)x[i * dim + k] - sum) * ((double)x[i * dim + k] - sum);
        j->mean[k] = sum;
        j->deviation[k] = square > 0 ? sqrt(square / (double)rows) : 1;
        mean += sum / (double)dim;
        variance += (square / (double)rows + sum * sum) / (double)dim;
    }
    variance -= mean * mean;
    for (int64_t k = 0; shared && k < dim; k++) {
        j->mean[k] = mean;
        j->deviation[k] = variance > 0 ? sqrt(variance) : 1;
    }
}

static void to_units(const job *j, float *x, int64_t count) {
    int64_t dim = j->samples.dim;
    for (int64_t i = 0; i < count * dim; i++)
        x[i] = (float)(((double)x[i] - j->mean[i % dim]) / j->deviation[i % dim]);
}

/* Rows of the data set in units; fewer than asked when it has fewer. malloc. */
static pf_status read_rows(job *j, pf_split split, int64_t *count, float **x, int32_t **y, bool units,
                           pf_error *error) {
    const pf_dataset_info *i = pf_dataset_describe(j->set);
    int64_t rows = split == PF_TRAIN ? i->train_count : i->test_count;
    if (*count > rows) *count = rows;
    if (*count < 1)
        return fail(error, PF_DATA, "the data set has no test part", "make or import it with one");
    *x = malloc((size_t)(*count * i->dim) * sizeof **x);
    if (y) *y = i->class_count ? malloc((size_t)*count * sizeof **y) : NULL;
    if (!*x) return fail(error, PF_MEMORY, "out of memory: the data set", "");
    pf_status st = pf_dataset_read(j->set, split, 0, *count, *x, y ? *y : NULL, error);
    if (st == PF_OK && units) to_units(j, *x, *count);
    return st;
}

static pf_status find_units(job *j, pf_error *error) {
    int64_t rows = UNIT_ROWS;
    float *x = NULL;
    j->mean = calloc((size_t)j->samples.dim, sizeof *j->mean);
    j->deviation = calloc((size_t)j->samples.dim, sizeof *j->deviation);
    if (!j->mean || !j->deviation) return fail(error, PF_MEMORY, "out of memory: units", "");
    pf_status st = read_rows(j, PF_TRAIN, &rows, &x, NULL, false, error);
    if (st == PF_OK) measure(j, x, rows, pf_dataset_describe(j->set)->sample.rank > 1);
    free(x);
    return st;
}

/* ---- distances of two sets ---- */

enum { METRICS = 4, PAIRS = 5 };

typedef pf_status distance_function(job *j, const float *x, const float *y, int64_t n, double *out,
                                    pf_error *error);

static pf_status sliced(job *j, const float *x, const float *y, int64_t n, double *out, pf_error *error) {
    return pf_sliced_w2(x, y, n, j->samples.dim, (int)cli_integer(&j->a, "slices", 128, 1, 100000), out,
                        error);
}

static pf_status exact(job *j, const float *x, const float *y, int64_t n, double *out, pf_error *error) {
    return pf_exact_w2(x, y, n, j->samples.dim, out, error);
}

static pf_status energy(job *j, const float *x, const float *y, int64_t n, double *out, pf_error *error) {
    return pf_energy_distance(x, n, y, n, j->samples.dim, out, error);
}

static pf_status mmd(job *j, const float *x, const float *y, int64_t n, double *out, pf_error *error) {
    return pf_mmd2(x, n, y, n, j->samples.dim, out, error);
}

static const struct {
    const char *name, *key, *text;
    int64_t most; /* samples: the others take the square or the cube of them in time */
    distance_function *of;
} metrics[METRICS] = {
    {"sliced", "sliced_w2", "sliced W2", INT64_MAX, sliced},
    {"exact", "exact_w2", "exact W2", 2048, exact},
    {"energy", "energy_distance", "energy distance", 4096, energy},
    {"mmd", "mmd2", "squared MMD", 2048, mmd},
};

/* Whether LIST of --metrics has the name. */
static bool wants(const job *j, const char *name) {
    const char *list = cli_text(&j->a, "metrics", "sliced"), *at = list;
    if (strcmp(list, "all") == 0) return true;
    const size_t length = strlen(name);
    while ((at = strstr(at, name)) != NULL) {
        if ((at == list || at[-1] == ',') && (at[length] == ',' || !at[length])) return true;
        at++;
    }
    return false;
}

/* The distance of parts of the training set to the held-out samples: the mean of up to five. */
static pf_status floor_of(job *j, int metric, const float *train, int64_t rows, const float *test, int64_t n,
                          double *out, pf_error *error) {
    const int64_t parts = rows / n < PAIRS ? rows / n : PAIRS;
    double sum = 0, one;
    for (int64_t k = 0; k < parts; k++) {
        pf_status st = metrics[metric].of(j, train + k * n * j->samples.dim, test, n, &one, error);
        if (st != PF_OK) return st;
        sum += one;
    }
    *out = sum / (double)parts;
    return PF_OK;
}

static pf_status untrained(job *j, int metric, const float *test, int64_t n, pf_error *error) {
    char key[64], text[64];
    double distance;
    pf_samples before = {0};
    pf_status st = draw(j, "initial", &before, error);
    if (st == PF_OK) {
        to_units(j, before.x, before.count);
        st = metrics[metric].of(j, before.x, test, n, &distance, error);
    }
    pf_samples_free(&before);
    if (st != PF_OK) return st;
    snprintf(key, sizeof key, "%s_untrained", metrics[metric].key);
    snprintf(text, sizeof text, "%s of the untrained network", metrics[metric].text);
    number(j, key, text, distance);
    return PF_OK;
}

static pf_status measure_one(job *j, int metric, const float *train, int64_t rows, const float *test,
                             int64_t n, pf_error *error) {
    char key[64], text[64];
    double distance, least;
    if (n > rows) n = rows;
    if (n > metrics[metric].most) n = metrics[metric].most;
    pf_status st = metrics[metric].of(j, j->samples.x, test, n, &distance, error);
    if (st == PF_OK) st = floor_of(j, metric, train, rows, test, n, &least, error);
    if (st != PF_OK) return st;
    snprintf(key, sizeof key, "%s_count", metrics[metric].key);
    number(j, key, "samples compared", (double)n);
    snprintf(text, sizeof text, "%s to held-out data", metrics[metric].text);
    number(j, metrics[metric].key, text, distance);
    snprintf(key, sizeof key, "%s_floor", metrics[metric].key);
    snprintf(text, sizeof text, "%s of training data to it (floor)", metrics[metric].text);
    number(j, key, text, least);
    return j->sampler && cli_given(&j->a, "untrained") ? untrained(j, metric, test, n, error) : PF_OK;
}

static pf_status distances(job *j, pf_error *error) {
    int64_t n = j->samples.count, rows = PAIRS * n;
    float *test = NULL, *train = NULL;
    pf_status st = read_rows(j, PF_TEST, &n, &test, NULL, true, error);
    if (st == PF_OK) st = read_rows(j, PF_TRAIN, &rows, &train, NULL, true, error);
    for (int i = 0; i < METRICS && st == PF_OK; i++)
        if (wants(j, metrics[i].name)) st = measure_one(j, i, train, rows, test, n, error);
    free(test);
    free(train);
    return st;
}

/* ---- nearest neighbours ---- */

enum { REFERENCES = 20000, QUERIES = 2000, CLASSES_MAX = 256 };

static void class_shares(job *j, const int64_t *index, int64_t count, const int32_t *label, int classes) {
    double share[CLASSES_MAX] = {0}, least = 1;
    cJSON *array = cJSON_AddArrayToObject(j->json, "nearest_class_share");
    for (int64_t i = 0; i < count; i++)
        if (label[index[i]] >= 0 && label[index[i]] < classes) share[label[index[i]]] += 1.0 / (double)count;
    if (!cli_given(&j->a, "json")) printf("classes of the nearest, percent              ");
    for (int c = 0; c < classes; c++) {
        cli_json_append(array, cJSON_CreateNumber(share[c]));
        if (share[c] < least) least = share[c];
        if (!cli_given(&j->a, "json")) printf(" %.1f", 100 * share[c]);
    }
    if (!cli_given(&j->a, "json")) putchar('\n');
    number(j, "nearest_class_share_min", "  the rarest class", least);
}

/* Median distance of x to the references; index [count] is written. */
static pf_status median_distance(const float *x, int64_t count, const float *reference, int64_t references,
                                 int64_t dim, int64_t *index, double *median, pf_error *error) {
    double *distance = malloc((size_t)count * sizeof *distance);
    if (!distance) return fail(error, PF_MEMORY, "out of memory: distances", "");
    pf_status st = pf_nearest(x, count, reference, references, dim, distance, index, error);
    if (st == PF_OK) *median = pf_median(distance, count);
    free(distance);
    return st;
}

static pf_status nearest(job *j, pf_error *error) {
    const pf_dataset_info *i = pf_dataset_describe(j->set);
    int64_t references = REFERENCES, held = QUERIES,
            count = j->samples.count < QUERIES ? j->samples.count : QUERIES;
    float *reference = NULL, *test = NULL;
    int32_t *label = NULL;
    double ours = 0, real = 0;
    int64_t *index = malloc(QUERIES * sizeof *index);
    pf_status st = index ? PF_OK : fail(error, PF_MEMORY, "out of memory: neighbours", "");
    if (st == PF_OK) st = read_rows(j, PF_TRAIN, &references, &reference, &label, true, error);
    if (st == PF_OK) st = read_rows(j, PF_TEST, &held, &test, NULL, true, error);
    if (st == PF_OK) st = median_distance(test, held, reference, references, i->dim, index, &real, error);
    if (st == PF_OK)
        st = median_distance(j->samples.x, count, reference, references, i->dim, index, &ours, error);
    if (st == PF_OK) {
        number(j, "nearest_references", "nearest of so many training samples", (double)references);
        number(j, "nearest_median", "median distance of samples", ours);
        number(j, "nearest_median_real", "median distance of held-out data", real);
        number(j, "nearest_ratio", "  ratio", ours / real);
        if (label && i->class_count <= CLASSES_MAX) class_shares(j, index, count, label, i->class_count);
    }
    free(index);
    free(label);
    free(reference);
    free(test);
    return st;
}

/* ---- modes ---- */

static void report_modes(job *j, const pf_mode_coverage_result *ours, const pf_mode_coverage_result *real) {
    number(j, "modes", "classes of the data", ours->modes);
    number(j, "modes_covered", "  that the samples reach", ours->covered);
    number(j, "modes_within", "share of samples within their class", ours->within);
    number(j, "modes_within_real", "  of held-out data", real->within);
    number(j, "modes_kl", "divergence of the classes' shares (KL)", ours->kl);
    number(j, "modes_kl_floor", "  of held-out data (floor)", real->kl);
    number(j, "modes_least_share", "least share of a class, of its due", ours->least_share);
}

static pf_status modes(job *j, pf_error *error) {
    const pf_dataset_info *i = pf_dataset_describe(j->set);
    int64_t references = REFERENCES, held = j->samples.count < QUERIES ? j->samples.count : QUERIES,
            count = held;
    float *reference = NULL, *test = NULL;
    int32_t *label = NULL;
    pf_mode_coverage_result ours, real;
    if (i->class_count < 1 && strcmp(cli_text(&j->a, "metrics", ""), "all") == 0) return PF_OK;
    if (i->class_count < 1)
        return fail(error, PF_DATA, "the data set has no labels to tell modes by",
                    "leave modes out of --metrics");
    pf_status st = read_rows(j, PF_TRAIN, &references, &reference, &label, true, error);
    if (st == PF_OK && !label) st = fail(error, PF_MEMORY, "out of memory: labels", "");
    if (st == PF_OK) st = read_rows(j, PF_TEST, &held, &test, NULL, true, error);
    if (st == PF_OK)
        st = pf_mode_coverage(j->samples.x, count, reference, label, references, i->dim, i->class_count,
                              &ours, error);
    if (st == PF_OK)
        st = pf_mode_coverage(test, held, reference, label, references, i->dim, i->class_count, &real, error);
    if (st == PF_OK) report_modes(j, &ours, &real);
    free(label);
    free(reference);
    free(test);
    return st;
}

/* ---- of models ---- */

static pf_status fm_error(job *j, pf_error *error) {
    pf_fm_error e;
    if (pf_dataset_describe(j->set)->test_count < 1) return PF_OK;
    pf_status st = pf_flow_matching_error(j->sampler, j->set, NULL, &e, error);
    if (st != PF_OK) return st;
    number(j, "fm_error", "held-out flow-matching error", e.model);
    number(j, "fm_error_affine", "  of the best affine predictor", e.affine);
    return PF_OK;
}

static pf_status gaussian(job *j, pf_error *error) {
    double mean[16], covariance[256], distance;
    int means = cli_list(&j->a, "gaussian-mean", mean, 16),
        numbers = cli_list(&j->a, "gaussian-covariance", covariance, 256);
    if (means != j->samples.dim || numbers != means * means || !j->samples.noise ||
        j->samples.noise_dim != j->samples.dim)
        return fail(error, PF_USAGE,
                    "--gaussian-mean needs dim numbers, --gaussian-covariance dim * dim, and a model",
                    "for example: --gaussian-mean 1.5 --gaussian-covariance 0.16");
    pf_status st = pf_gaussian_map_error(j->samples.x, j->samples.noise, j->samples.count, means, mean,
                                         covariance, &distance, error);
    if (st == PF_OK) number(j, "gaussian_map_error", "RMS distance from m + C^(1/2) noise", distance);
    return st;
}

static pf_status evaluate(job *j, pf_error *error) {
    pf_status st = open_input(j, error);
    if (st == PF_OK && cli_given(&j->a, "gaussian-mean")) st = gaussian(j, error);
    if (st != PF_OK || !j->set) return st;
    st = find_units(j, error);
    if (st != PF_OK) return st;
    const pf_sampler_info *i = j->sampler ? pf_sampler_describe(j->sampler) : NULL;
    /* a map that has learnt guidance has another velocity than the data */
    bool other = i && i->guidance != 1 && strcmp(i->solver, "map") == 0;
    if (i && i->knows_velocity && !i->paired && !other) st = fm_error(j, error);
    to_units(j, j->samples.x, j->samples.count);
    if (st == PF_OK && cli_given(&j->a, "nearest")) st = nearest(j, error);
    if (st == PF_OK && wants(j, "modes")) st = modes(j, error);
    return st == PF_OK ? distances(j, error) : st;
}

static bool metrics_known(const char *list) {
    if (strcmp(list, "all") == 0) return true;
    for (const char *at = list;;) {
        const size_t length = strcspn(at, ",");
        bool known = length == 5 && memcmp(at, "modes", 5) == 0;
        for (int i = 0; i < METRICS; i++)
            known = known || (strlen(metrics[i].name) == length && memcmp(at, metrics[i].name, length) == 0);
        if (!known) return false;
        if (!at[length]) return true;
        at += length + 1;
    }
}

static int check(job *j) {
    double list[256];
    cli_args *a = &j->a;
    cli_integer(a, "count", 0, 1, 1 << 28);
    cli_integer(a, "seed", 0, 0, (int64_t)1 << 53);
    cli_integer(a, "nfe", 0, 1, 100000);
    cli_number(a, "rtol", 0, 1e-6, 1);
    cli_number(a, "atol", 0, 1e-7, 1e6);
    cli_number(a, "guidance", 0, 1e-3, 100);
    cli_integer(a, "slices", 0, 1, 100000);
    cli_list(a, "gaussian-mean", list, 16);
    cli_list(a, "gaussian-covariance", list, 256);
    if (a->failed) return CLI_USAGE;
    if (!metrics_known(cli_text(a, "metrics", "all")))
        return cli_usage("a list of sliced, exact, energy, mmd, modes; or all",
                         "eval: --metrics %s: there is no such measure", cli_text(a, "metrics", ""));
    if (cli_given(a, "data") || cli_given(a, "gaussian-mean")) return -1;
    return cli_usage("name the data set to compare with: --data FILE.h5", "eval: --data is missing");
}

static int run(int argc, char **argv) {
    job j = {0};
    pf_error error = {0};
    int code = cli_parse(&cli_eval, argc, argv, 1, 1, &j.a);
    if (code < 0) code = check(&j);
    if (code >= 0) return code;
    j.json = cJSON_CreateObject();
    pf_status st = evaluate(&j, &error);
    if (st == PF_OK && cli_given(&j.a, "json"))
        cli_json_print(j.json);
    else
        cJSON_Delete(j.json);
    pf_samples_free(&j.samples);
    pf_sampler_destroy(&j.sampler);
    pf_checkpoint_close(&j.checkpoint);
    pf_dataset_close(&j.set);
    pf_context_destroy(&j.context);
    free(j.mean);
    free(j.deviation);
    return st == PF_OK ? 0 : cli_fail(st, &error);
}
