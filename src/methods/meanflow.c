/* SPDX-License-Identifier: MIT
 * MeanFlow (Geng et al. 2025, arXiv 2505.13447): the network is the average velocity over [r, t],
 *
 *   u(z, r, t) = 1 / (t - r) int_r^t v(z_s, s) ds, so that z_r = z - (t - r) u(z, r, t)   (eqs. 3, 12)
 *   u = v - (t - r) du/dt,  du/dt = v . d_z u + d_t u along the path with r fixed           (eqs. 6, 8)
 *
 * and the loss asks for that identity with the right side stopped (eqs. 9, 10). average.c has the losses.
 *
 *   tangent = u, head  improved MeanFlow (arXiv 2512.02012): du/dt along the network's own velocity, by
 *                      u(z, t, t) or by a second head
 *   prediction = x     as in Pixel MeanFlow (arXiv 2601.22158): the network's output is a picture X, and
 *                      u = (z - X) / clip(t, 0.05, 1); the velocity regressed is divided by the same time
 *   omega, kappa       guidance by omega / (1 - kappa) within the one evaluation (section 4.2)
 *   form = full        E |dg/dt|^2 of the map g = z - (t - r) u with its whole gradient, along a teacher's
 *                      velocity: along b - a of a noise pair, E |dg/dt|^2 also punishes dg/dz
 *   prediction = map   the same with g the network itself, and E |g(z, t, t) - z|^2 beside it */
#include "methods/average.h"
#include <string.h>

#define TIME_MIN 0.05 /* of the division in x-prediction */

/* clang-format off */
static const pf__option options[] = {
    {"method", "ratio", PF__OPTION_REAL, NULL, 0, 1, "0.5", "r != t", NULL,
     "share of each batch with r < t, the others learn the velocity at r = t; the paper has 0.25 (ImageNet) and 0.75 (CIFAR-10)",
     "MeanFlow, table 1a"},
    PF__TIME_OPTIONS("uniform", "-0.4", "1"),
    {"method", "norm_p", PF__OPTION_REAL, NULL, 0, 4, "0.5", "p", NULL,
     "power of the adaptive weight 1 / (error + norm_eps)^norm_p; 0 is the plain square; the paper has 1 and 0.75",
     "MeanFlow, section 4.3"},
    {"method", "norm_eps", PF__OPTION_REAL, NULL, 0, 1e6, "1e-3", "c", NULL,
     "added to the error (summed over a sample) in the adaptive weight", "MeanFlow, section 4.3"},
    {"method", "prediction", PF__OPTION_CHOICE, "u|x|map", 0, 0, "u", NULL, NULL,
     "the network's output: the average velocity u, X with u = (z - X) / t, or the map to time r itself",
     "Pixel MeanFlow, X = z - t u"},
    {"method", "tangent", PF__OPTION_CHOICE, "velocity|u|head", 0, 0, "velocity", "dz/dt", NULL,
     "along which du/dt is taken: the velocity that is regressed, or the network's own, u(z, t, t) or a second head "
     "(improved MeanFlow); with prediction = x, u(z, t, t) feeds back and can diverge on pictures: take the head",
     "arXiv 2512.02012"},
    {"method", "form", PF__OPTION_CHOICE, "stopgrad|full", 0, 0, "stopgrad", NULL, NULL,
     "regress u on a constant, or take the whole gradient of |dg/dt|^2 (needs velocity = teacher)", NULL},
    {"method", "velocity", PF__OPTION_CHOICE, "data|teacher", 0, 0, "data", "v", NULL,
     "that is regressed: of the noise pair, or the teacher's", NULL},
    {"method", "teacher", PF__OPTION_PATH, "analytic", 0, 0, "", "phi", NULL,
     "velocity = teacher: a run folder or a checkpoint of a method that knows a velocity, such as flow; or analytic: "
     "the exact velocity, for sets of data make gaussian and 8gaussians", NULL},
    {"method", "teacher_weights", PF__OPTION_TEXT, NULL, 0, 0, "", NULL, NULL,
     "averaging rate of the teacher's weights, or none; unset = the longest", NULL},
    {"method", "boundary", PF__OPTION_REAL, NULL, 0, 1e6, "0", NULL, NULL,
     "prediction = map: weight of |g(z, t, t) - z|^2, which the rows with r = t learn", NULL},
    PF__AVERAGE_GUIDANCE_OPTIONS,
    {0},
};
/* clang-format on */

static bool is(const pf__config *config, const char *key, const char *value) {
    return strcmp(pf__config_text(config, key), value) == 0;
}

static pf__average how_of(const pf__config *config) {
    return (pf__average){
        .output = is(config, "method.prediction", "x")     ? PF__OUTPUT_X
                  : is(config, "method.prediction", "map") ? PF__OUTPUT_MAP
                                                           : PF__OUTPUT_U,
        .tangent = pf__average_tangent(config),
        .full = is(config, "method.form", "full"),
        .taught = is(config, "method.velocity", "teacher"),
        .clip = TIME_MIN,
        .boundary = pf__config_real(config, "method.boundary"),
    };
}

static pf__needs needs(const pf__config *config) {
    pf__average how = how_of(config);
    return (pf__needs){
        .condition_count = 2, .head_count = how.tangent == PF__TANGENT_HEAD ? 2 : 1, .teacher = how.taught};
}

/* ---- combinations ---- */

static pf_status check_velocity(const pf__config *config, const pf__average *how, pf_error *err) {
    if (how->full && !how->taught)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.form = full needs the marginal velocity: along the velocity of "
                                 "a noise pair E |dg/dt|^2 also punishes dg/dz, which collapses g",
                                 pf__config_origin(config, "method.form")),
                        "set method.velocity = teacher and method.teacher = RUN, or method.form = stopgrad");
    if (how->full && how->tangent != PF__TANGENT_VELOCITY)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.form = full takes du/dt along the velocity of the teacher",
                                 pf__config_origin(config, "method.tangent")),
                        "set method.tangent = velocity, or method.form = stopgrad");
    if (!how->taught && *pf__config_text(config, "method.teacher"))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s: method.velocity = data uses no teacher",
                                 pf__config_origin(config, "method.teacher")),
                        "set method.velocity = teacher, or leave method.teacher out");
    return PF_OK;
}

static pf_status check_map(const pf__config *config, const pf__average *how, pf_error *err) {
    const char *origin = pf__config_origin(config, "method.prediction");
    bool map = how->output == PF__OUTPUT_MAP;
    if (map && !how->full)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.prediction = map has no u to regress: it goes with "
                                 "method.form = full",
                                 origin),
                        "set method.form = full, or method.prediction = u");
    if (map && (how->boundary <= 0 || pf__config_real(config, "method.ratio") >= 1))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.prediction = map needs method.boundary > 0 and rows with r = t "
                                 "(method.ratio < 1): without g(z, t, t) = z any constant minimises the loss",
                                 origin),
                        "try method.boundary = 1 and method.ratio = 0.75, or method.prediction = u");
    if (!map && how->boundary > 0)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s: method.boundary = %g weighs a term that is zero: g = z - (t - r) u "
                                 "satisfies g(z, t, t) = z exactly",
                                 pf__config_origin(config, "method.boundary"), how->boundary),
                        "it goes with method.prediction = map");
    return PF_OK;
}

static pf_status check(const pf__config *config, pf_error *err) {
    pf__average how = how_of(config);
    PF__TRY(pf__average_check(config, &how, err));
    PF__TRY(check_velocity(config, &how, err));
    return check_map(config, &how, err);
}

/* ---- graphs ---- */

static void loss(const pf__method_ctx *ctx, pf_value *out, pf__metrics *metrics) {
    pf__average how = how_of(ctx->config);
    pf__span span = pf__average_span(ctx, pf__time_draw(ctx, "time"), pf__time_draw(ctx, "time/r"), true);
    pf__average_loss(ctx, &how, &span, out, metrics);
}

static void evaluate(const pf__method_ctx *ctx, pf_value *out) {
    pf__average how = how_of(ctx->config);
    pf__average_evaluate(ctx, &how, out);
}

static void velocity(const pf__method_ctx *ctx, pf_value *out) {
    pf__average how = how_of(ctx->config);
    pf__average_velocity(ctx, &how, out);
}

/* clang-format off */
static const pf__explanation explanation = {
    .equations =
        "u(z, r, t) the average velocity over [r, t]:  z_r = z - (t - r) u(z, r, t)\n"
        "u          = v - (t - r) du/dt,  du/dt = w . d_z u + d_t u  along dz/dt = w with r fixed\n"
        "L          = E |e|^2 / stopgrad(|e|^2 + norm_eps)^norm_p\n"
        "\n"
        "form = stopgrad     e = u - stopgrad(v - (t - r) du/dt),  v = b - a or the teacher's velocity\n"
        "     = full         e = u + (t - r) du/dt - v, which is -dg/dt of the map g = z - (t - r) u,\n"
        "                    with its whole gradient; v must be the flow's own velocity\n"
        "tangent = velocity  w = v\n"
        "        = u, head   w = u(z, t, t), or a second head that learns v beside (improved MeanFlow)\n"
        "prediction = u      the network is u\n"
        "           = x      the network is X,  u = (z - X) / clip(t, 0.05, 1)\n"
        "           = map    the network is g, with boundary |g(z, t, t) - z|^2 where r = t\n"
        "omega, kappa        where t in [guide_from, guide_to], samples y with a label have in place of v\n"
        "                    omega v + kappa u(z, t, t | y) + (1 - omega - kappa) u(z, t, t), stopped\n"
        "\n"
        "At r = t the identity is flow matching, u(z, t, t) = v(z, t); a share `ratio` has r < t.",
    .needs =
        "Data, noise, two times, and a forward-mode derivative of the network; a second head with\n"
        "tangent = head, and a teacher with velocity = teacher. No theta-. Guidance: data.labels and\n"
        "data.label_drop, and one or two evaluations of the network more.",
    .sampling =
        "b - u(b, 0, 1) in one evaluation; with n evaluations n jumps z_r = z - (t - r) u(z, r, t),\n"
        "without fresh noise. Guidance by omega / (1 - kappa) is in the map and costs nothing here.\n"
        "The velocity u(z, t, t) can teach other methods.",
    .papers =
        "Geng, Deng, Bai, Kolter, He: Mean Flows for One-step Generative Modeling. 2025,\n"
        "  arXiv 2505.13447\n"
        "Geng, Lu, Wu, Shechtman, Kolter, He: Improved Mean Flows: On the Challenges of Fastforward\n"
        "  Generative Models. 2025, arXiv 2512.02012",
};
/* clang-format on */

const pf__method pf__method_meanflow = {
    .name = "meanflow",
    .summary = "MeanFlow: learns the average velocity, samples in one evaluation",
    .options = options,
    .explanation = &explanation,
    .evaluation = PF__EVALUATES_MAP,
    .needs = needs,
    .check = check,
    .loss = loss,
    .evaluate = evaluate,
    .velocity = velocity,
};
