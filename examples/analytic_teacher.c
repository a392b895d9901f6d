/* SPDX-License-Identifier: MIT
 * Distils a velocity of one's own: the library embedded, with a graph as teacher.
 *   analytic_teacher FOLDER [section.key=value ...]      trains in FOLDER
 *   pushforward analyze FOLDER                           holds the map against the exact one
 *
 * Another method: method.name=continuous method.form=full method.velocity=teacher
 *
 * Data: eight Gaussians of deviation S on a circle of radius R, not standardised. Their velocity is
 *
 *   v(x, t) = c x - (1 + c (1-t)) sum_k gamma_k mu_k,   c = (t - (1-t) S^2) / e^2,   e^2 = (1-t)^2 S^2 + t^2
 *   gamma = softmax_k((1-t) x . mu_k / e^2)             as all |mu_k| are equal
 *
 * For such sets of data make the program knows it by itself: method.teacher = analytic. */
#include <math.h>
#include <pushforward/pushforward.h>
#include <stdio.h>
#include <string.h>

enum { K = 8 };
static const double S = 0.1, R = 2.0;

static double centre(int k, int d) {
    const double angle = acos(-1.0) * k / 4;
    return R * (d ? sin(angle) : cos(angle));
}

static pf_value graph_of_centres(pf_graph *g) {
    pf_value part[2 * K];
    for (int i = 0; i < 2 * K; i++) part[i] = pf_constant(g, centre(i / 2, i % 2), pf_shape_of(1, 1));
    return pf_reshape(g, pf_concat(g, part, 2 * K, 0), pf_shape_of(2, K, 2));
}

/* x [B, 2], t [B] */
static pf_value velocity(void *teacher, pf_graph *g, pf_value x, pf_value t, pf_value label) {
    (void)teacher, (void)label;
    const uint32_t row = 2; /* the axis 1 */
    pf_value centres = graph_of_centres(g), time = pf_per_sample(g, t, 2);
    pf_value rest = pf_add_number(g, pf_neg(g, time), 1);
    pf_value e2 = pf_add(g, pf_mul_number(g, pf_square(g, rest), S * S), pf_square(g, time));
    pf_value score = pf_div(g, pf_mul(g, pf_matmul(g, x, centres, false, true), rest), e2);
    pf_value weight = pf_exp(g, pf_sub(g, score, pf_row_max(g, score, row, true)));
    pf_value gamma = pf_div(g, weight, pf_sum(g, weight, row, true));
    pf_value mean = pf_matmul(g, gamma, centres, false, false);
    pf_value c = pf_div(g, pf_sub(g, time, pf_mul_number(g, rest, S * S)), e2);
    return pf_sub(g, pf_mul(g, c, x), pf_mul(g, pf_add_number(g, pf_mul(g, c, rest), 1), mean));
}

static pf_status set(pf_config *config, const char *const *pairs, int count, pf_error *error) {
    pf_status st = PF_OK;
    for (int i = 0; i < count && st == PF_OK; i++) st = pf_config_set(config, pairs[i], "example", error);
    return st;
}

static pf_status configure(pf_config **config, const char *data, const char *const *pairs, int count,
                           pf_error *error) {
    static const char *const method[] = {"method.name=consistency", "method.form=distillation",
                                         "method.s1=160"};
    static const char *const base[] = {"data.standardize=false", "model.width=128", "model.depth=4",
                                       "train.batch=512",        "train.lr=2e-3",   "train.warmup=100",
                                       "train.ema=0.999",        "train.steps=8000"};
    char path[1100];
    const char *where = path;
    bool given = false; /* another method */
    snprintf(path, sizeof path, "data.path=%s", data);
    for (int i = 0; i < count; i++) given = given || strncmp(pairs[i], "method.name=", 12) == 0;
    pf_status st = pf_config_create(config, error);
    if (st == PF_OK) st = set(*config, &where, 1, error);
    if (st == PF_OK) st = set(*config, base, sizeof base / sizeof *base, error);
    if (st == PF_OK && !given) st = set(*config, method, sizeof method / sizeof *method, error);
    if (st == PF_OK) st = set(*config, pairs, count, error);
    return st == PF_OK ? pf_config_resolve(*config, error) : st;
}

static pf_status train(pf_context *context, const pf_config *config, const char *folder, pf_error *error) {
    pf_trainer *trainer = NULL;
    pf_trainer_desc desc = {.context = context, .config = config, .folder = folder, .open = PF_FOLDER_FORCE};
    desc.teacher_velocity = velocity;
    pf_status st = pf_trainer_create(&trainer, &desc, error);
    if (st == PF_OK) st = pf_trainer_run(trainer, &(pf_run_desc){0}, error);
    pf_trainer_destroy(&trainer);
    return st;
}

int main(int argc, char **argv) {
    pf_error error = {0};
    pf_context *context = NULL;
    pf_config *config = NULL;
    char data[1024];
    if (argc < 2 || snprintf(data, sizeof data, "%s.h5", argv[1]) >= (int)sizeof data) {
        fprintf(stderr, "usage: %s FOLDER [section.key=value ...]\n", argv[0]);
        return 2;
    }
    pf_make_desc made = {.kind = "8gaussians", .train = 20000, .test = 1000, .noise = S};
    pf_status st = pf_context_create(&context, &(pf_context_desc){0}, &error);
    if (st == PF_OK) st = pf_dataset_make(data, &made, &error);
    if (st == PF_OK) st = configure(&config, data, (const char *const *)argv + 2, argc - 2, &error);
    if (st == PF_OK) st = train(context, config, argv[1], &error);
    pf_config_destroy(&config);
    pf_context_destroy(&context);
    if (st == PF_OK) return 0;
    fprintf(stderr, "%s: %s\nhint: %s\n", argv[0], error.message, error.hint);
    return 1;
}
