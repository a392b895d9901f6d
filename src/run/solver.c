/* SPDX-License-Identifier: MIT
 * Explicit Runge-Kutta schemes for dx/dt = v(x, t), as tables. */
#include "run/run.h"
#include <string.h>

static const pf__solver solvers[] = {
    {"euler", 1, {0}, {{0}}, {1}},
    {"midpoint", 2, {0, 0.5}, {{0}, {0.5}}, {0, 1}},
    {"heun", 2, {0, 1}, {{0}, {1}}, {0.5, 0.5}},
    {"rk4", 4, {0, 0.5, 0.5, 1}, {{0}, {0.5}, {0, 0.5}, {0, 0, 1}}, {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}},
};

const pf__solver *pf__solver_find(const char *name) {
    for (size_t i = 0; i < sizeof solvers / sizeof *solvers; i++)
        if (strcmp(solvers[i].name, name) == 0) return &solvers[i];
    return NULL;
}

pf_status pf__sampling_plan(const pf__method *method, const pf__config *config, int nfe, const char *solver,
                            int *nfe_out, const char **solver_out, pf_error *err) {
    bool map = method->evaluation == PF__EVALUATES_MAP;
    if (nfe <= 0) nfe = (int)pf__config_int(config, "sample.nfe");
    if (nfe <= 0) nfe = map ? 1 : 64;
    *nfe_out = nfe;
    *solver_out = "map";
    if (map && solver && *solver)
        return pf__hint(err,
                        pf__fail(err, PF_USAGE, "%s learns a map: the solver %s has nothing to integrate",
                                 method->name, solver),
                        "leave --solver out");
    if (map && nfe > 1 && method->needs(config).condition_count == 0) {
        pf_status st = pf__fail(err, PF_USAGE,
                                "%s maps noise to a sample in one evaluation: %d have no meaning",
                                method->name, nfe);
        return pf__hint(err, st, "leave --nfe and sample.nfe out");
    }
    if (map) return PF_OK;
    if (!solver || !*solver) solver = pf__config_text(config, "sample.solver");
    const pf__solver *s = pf__solver_find(solver);
    if (!s)
        return pf__hint(err, pf__fail(err, PF_USAGE, "there is no solver '%s'", solver),
                        "there are: euler, midpoint, heun, rk4");
    *solver_out = s->name;
    if (nfe % s->stages == 0) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE,
                            "%d network evaluations do not make whole steps of %s, which takes %d each", nfe,
                            s->name, s->stages);
    return pf__hint(err, st, "try %d, or the solver euler", (nfe / s->stages + 1) * s->stages);
}
