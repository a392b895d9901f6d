/* SPDX-License-Identifier: MIT
 * The law of a made set in its file: written by data make, read by what needs its velocity. */
#include "data/law.h"
#include "data/dataset_private.h"
#include <math.h>
#include <stdlib.h>

#define COUNT_MAX 4096

static const char *const path_mean = "/law/mean", *const path_covariance = "/law/covariance";

pf_status pf__law_reserve(pf__law *law, int64_t count, int64_t dim, pf_error *err) {
    *law = (pf__law){.count = count, .dim = dim};
    law->mean = calloc((size_t)(count * dim), sizeof *law->mean);
    law->covariance = calloc((size_t)(dim * dim), sizeof *law->covariance);
    if (law->mean && law->covariance) return PF_OK;
    pf__law_free(law);
    return pf__fail_memory(err, "law of a data set", (unsigned long long)((count + dim) * dim) * 8);
}

void pf__law_free(pf__law *law) {
    free(law->mean);
    free(law->covariance);
    *law = (pf__law){0};
}

pf_status pf__law_write(const pf__law *law, pf__h5 *file, pf_error *err) {
    pf_shape mean = {2, {law->count, law->dim}}, covariance = {2, {law->dim, law->dim}};
    PF__TRY(pf__h5_write(file, path_mean, PF_F64, &mean, law->mean, true, err));
    return pf__h5_write(file, path_covariance, PF_F64, &covariance, law->covariance, true, err);
}

static pf_status fail_unknown(const pf_dataset *set, pf_error *err) {
    pf_status st = pf__fail(err, PF_DATA, "%s: the velocity of this data set is not known: it tells no law",
                            pf__dataset_name(set));
    return pf__hint(err, st,
                    "that of data make gaussian and data make 8gaussians is; make the set again if it is "
                    "one of them and old");
}

static pf_status fail_wrong(const pf_dataset *set, const char *what, pf_error *err) {
    return pf__hint(err, pf__fail(err, PF_DATA, "%s: the law under /law %s", pf__dataset_name(set), what),
                    "make the set again, or remove its group /law");
}

static bool are_good(const pf__law *law) {
    bool good = true;
    for (int64_t i = 0; i < law->count * law->dim; i++) good = good && isfinite(law->mean[i]);
    for (int64_t i = 0; i < law->dim * law->dim; i++) {
        double c = law->covariance[i], mirror = law->covariance[i % law->dim * law->dim + i / law->dim];
        good = good && isfinite(c) && fabs(c - mirror) <= 1e-9 * (fabs(c) + fabs(mirror));
    }
    return good;
}

pf_status pf__law_read(pf__law *law, pf_dataset *set, pf_error *err) {
    pf__h5 *file = pf__dataset_file(set);
    pf__h5_info mean, covariance;
    const int64_t dim = pf_dataset_describe(set)->dim;
    bool found, too;
    PF__TRY(pf__h5_exists(file, path_mean, &found, err));
    PF__TRY(pf__h5_exists(file, path_covariance, &too, err));
    if (!found || !too) return fail_unknown(set, err);
    PF__TRY(pf__h5_describe(file, path_mean, &mean, err));
    PF__TRY(pf__h5_describe(file, path_covariance, &covariance, err));
    if (mean.shape.rank != 2 || covariance.shape.rank != 2 || dim > PF__GAUSSIAN_DIM_MAX ||
        mean.shape.dim[1] != dim || covariance.shape.dim[0] != dim || covariance.shape.dim[1] != dim ||
        mean.shape.dim[0] < 1 || mean.shape.dim[0] > COUNT_MAX)
        return fail_wrong(set, "has not the shape of the samples", err);
    PF__TRY(pf__law_reserve(law, mean.shape.dim[0], dim, err));
    pf_status st = pf__h5_read(file, path_mean, PF_F64, law->mean, err);
    if (st == PF_OK) st = pf__h5_read(file, path_covariance, PF_F64, law->covariance, err);
    if (st == PF_OK && !are_good(law)) st = fail_wrong(set, "is not finite and symmetric", err);
    if (st != PF_OK) pf__law_free(law);
    return st;
}
