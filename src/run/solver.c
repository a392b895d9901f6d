/* SPDX-License-Identifier: MIT
 * Explicit Runge-Kutta schemes for dx/dt = v(x, t), as tables; and which of them draws samples. */
#include "run/run.h"
#include <string.h>

/* dopri5: Dormand and Prince (1980). Its last stage looks at the step's end, and is the first of the next. */
static const pf__solver solvers[] = {
    {"euler", 1, {0}, {{0}}, {1}, false, {0}},
    {"midpoint", 2, {0, 0.5}, {{0}, {0.5}}, {0, 1}, false, {0}},
    {"heun", 2, {0, 1}, {{0}, {1}}, {0.5, 0.5}, false, {0}},
    {"rk4",
     4,
     {0, 0.5, 0.5, 1},
     {{0}, {0.5}, {0, 0.5}, {0, 0, 1}},
     {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
     false,
     {0}},
    {"dopri5",
     7,
     {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
     {{0},
      {1.0 / 5},
      {3.0 / 40, 9.0 / 40},
      {44.0 / 45, -56.0 / 15, 32.0 / 9},
      {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
      {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
      {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}},
     {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0},
     true,
     {71.0 / 57600, 0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525, -1.0 / 40}},
};

const pf__solver *pf__solver_find(const char *name) {
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++)
        if (strcmp(solvers[i].name, name) == 0) return &solvers[i];
    return NULL;
}

static pf_status plan_map(const pf__method *method, const pf__config *config, const pf__sampling *asked,
                          pf__sampling *out, pf_error *err) {
    out->solver = "map";
    if (out->nfe <= 0) out->nfe = 1;
    if (asked->solver && *asked->solver)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s learns a map: the solver %s has nothing to integrate",
                                 method->name, asked->solver),
                        "leave --solver out");
    if (asked->rtol > 0 || asked->atol > 0)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE,
                                 "%s learns a map: there are no steps whose error a tolerance "
                                 "could bound",
                                 method->name),
                        "leave --rtol and --atol out; more evaluations: --nfe");
    if (out->nfe == 1 || method->needs(config).condition_count > 0) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE, "%s maps noise to a sample in one evaluation: %d have no meaning",
                            method->name, out->nfe);
    return pf__hint(err, st, "leave --nfe and sample.nfe out");
}

/* A sample.nfe beside --solver dopri5 is of other solvers; but nothing may ask for both. */
static pf_status plan_adaptive(const pf__config *config, const pf__sampling *asked, pf__sampling *out,
                               pf_error *err) {
    bool named = asked->solver && *asked->solver;
    if (asked->nfe > 0 || (!named && out->nfe > 0))
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s chooses its evaluations itself: %s = %d has no meaning",
                                 out->solver, asked->nfe > 0 ? "nfe" : "sample.nfe", out->nfe),
                        "leave it out and set rtol and atol, or choose rk4");
    out->nfe = 0;
    out->rtol = asked->rtol > 0 ? asked->rtol : pf__config_real(config, "sample.rtol");
    out->atol = asked->atol > 0 ? asked->atol : pf__config_real(config, "sample.atol");
    return PF_OK;
}

pf_status pf__sampling_plan(const pf__method *method, const pf__config *config, const pf__sampling *asked,
                            pf__sampling *out, pf_error *err) {
    *out = (pf__sampling){.nfe = asked->nfe > 0 ? asked->nfe : (int)pf__config_int(config, "sample.nfe")};
    if (method->evaluation == PF__EVALUATES_MAP) return plan_map(method, config, asked, out, err);
    out->solver = asked->solver && *asked->solver ? asked->solver : pf__config_text(config, "sample.solver");
    const pf__solver *s = pf__solver_find(out->solver);
    if (!s)
        return pf__hint(err, pf__fail(err, PF_USAGE, "there is no solver '%s'", out->solver),
                        "there are: euler, midpoint, heun, rk4, dopri5");
    out->solver = s->name;
    if (s->adaptive) return plan_adaptive(config, asked, out, err);
    if (asked->rtol > 0 || asked->atol > 0)
        return pf__hint(err, pf__fail(err, PF_USAGE, "%s makes equal steps: it heeds no tolerance", s->name),
                        "--rtol and --atol go with --solver dopri5");
    if (out->nfe <= 0) out->nfe = 64;
    if (out->nfe % s->stages == 0) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE,
                            "%d network evaluations do not make whole steps of %s, which takes %d each",
                            out->nfe, s->name, s->stages);
    return pf__hint(err, st, "try %d, or the solver euler", (out->nfe / s->stages + 1) * s->stages);
}
