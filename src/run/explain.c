/* SPDX-License-Identifier: MIT
 * What a method is, as text: its own explanation, and the options of its table. */
#include "run/run.h"
#include <stdlib.h>
#include <string.h>

/* A heading, and the lines of text two columns in. */
static void add_part(pf__text *out, const char *heading, const char *text) {
    pf__text_format(out, "\n%s\n", heading);
    while (*text) {
        const size_t n = strcspn(text, "\n");
        pf__text_format(out, n ? "  %.*s\n" : "%.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

pf_status pf_method_explain(const char *method, char **text, pf_error *error) {
    const pf__method *m = pf__method_find(method);
    pf__text out = {0};
    *text = NULL;
    if (!m)
        return pf__method_hint(method, pf__fail(error, PF_USAGE, "there is no method '%s'", method), error);
    pf__text_format(&out, "%s\n", m->summary);
    add_part(&out, "Data a at t = 0, noise b at t = 1, x_t = (1 - t) a + t b; D numbers a sample",
             m->explanation->equations);
    add_part(&out, "Training needs", m->explanation->needs);
    add_part(&out, "A sample is", m->explanation->sampling);
    add_part(&out, "Papers", m->explanation->papers);
    pf__text_add(&out, "\nOptions\n");
    pf__option_help(m->options, &out);
    if (out.failed) {
        pf__text_free(&out);
        return pf__fail_memory(error, "an explanation", 0);
    }
    *text = out.data;
    return PF_OK;
}
