/* SPDX-License-Identifier: MIT
 * Classifier-free guidance (Ho, Salimans 2022, arXiv 2207.12598): one network learns with labels and, where
 * they are dropped, without; guided by w it is what it says without plus w times what a label changes. */
#ifndef PF__METHODS_GUIDANCE_H
#define PF__METHODS_GUIDANCE_H

#include "methods/method.h"

/** Labels [B] i32, those of a share of the samples replaced by the null class; each step draws anew. */
pf_value pf__guidance_drop(pf_graph *g, pf_value label, int class_count, double share);
/** [B] f32: 1 where the row has a class. */
pf_value pf__guidance_known(const pf__method_ctx *ctx);
/** The context without labels: every row is of the null class. */
pf__method_ctx pf__guidance_null(const pf__method_ctx *ctx);
/** PF_USAGE where key (such as method.omega) guides what has no labels, or never learns without them. */
pf_status pf__guidance_check(const pf__config *config, const char *key, pf_error *err);

#endif
