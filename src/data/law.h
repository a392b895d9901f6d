/* SPDX-License-Identifier: MIT
 * The law of a made set, where it is one of Gaussians: its file tells it under /law (datasets/FORMAT.md). */
#ifndef PF__DATA_LAW_H
#define PF__DATA_LAW_H

#include "data/h5.h"
#include "pushforward/dataset.h"

/** K Gaussians, each as likely, of one covariance. */
typedef struct pf__law {
    int64_t count, dim; /* K, D */
    double *mean;       /* [K, D] */
    double *covariance; /* [D, D], symmetric */
} pf__law;              /* zero-initialise */

/** Zeros. */
pf_status pf__law_reserve(pf__law *law, int64_t count, int64_t dim, pf_error *err);
void pf__law_free(pf__law *law);
pf_status pf__law_write(const pf__law *law, pf__h5 *file, pf_error *err);
/** Into an empty one, in the values' units. PF_DATA where the file tells no law, or a wrong one. */
pf_status pf__law_read(pf__law *law, pf_dataset *set, pf_error *err);

#endif
