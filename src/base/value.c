/* SPDX-License-Identifier: MIT
 * One value of a configuration: parsed by its type and held against its limits. */
#include "base/config_private.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void pf__value_range(const pf__option *o, pf__text *out) {
    if (o->min == 0 && o->max == 0) return;
    if (isinf(o->max))
        pf__text_format(out, ">= %.9g", o->min);
    else if (isinf(o->min))
        pf__text_format(out, "<= %.9g", o->max);
    else
        pf__text_format(out, "in [%.9g, %.9g]", o->min, o->max);
}

/* Every refusal says what the option is. */
static pf_status hint_option(const config_option *o, pf_status st, pf_error *err) {
    const char *initial = o->option->initial;
    return pf__hint(err, st, "%s is: %s%s%s%s", o->key, o->option->help, *initial ? " (default " : "",
                    initial, *initial ? ")" : "");
}

static pf_status fail_value(const config_option *o, const char *what, pf_error *err) {
    return hint_option(o, pf__fail(err, PF_USAGE, "%s: %s = %s %s", o->origin, o->key, o->value, what), err);
}

static pf_status check_range(const config_option *o, double value, pf_error *err) {
    double min = o->option->min, max = o->option->max;
    if (min == 0 && max == 0) return isfinite(value) ? PF_OK : fail_value(o, "is not finite", err);
    if (value >= min && value <= max) return PF_OK;
    pf__text range = {0};
    pf__value_range(o->option, &range);
    bool both = isfinite(min) && isfinite(max);
    pf_status st = pf__fail(err, PF_USAGE, "%s: %s = %s %s %s", o->origin, o->key, o->value,
                            both ? "is outside" : "is not", pf__text_string(&range) + (both ? 3 : 0));
    pf__text_free(&range);
    return hint_option(o, st, err);
}

static pf_status check_int(config_option *o, pf_error *err) {
    char *end;
    errno = 0;
    long long whole = strtoll(o->value, &end, 10);
    double real = 0;
    if (end != o->value && *end == '\0' && errno == 0) {
        o->integer = whole;
    } else if (pf__parse_real(o->value, &real) && fabs(real) <= 0x1p53 && floor(real) == real) {
        o->integer = (int64_t)real; /* 1e6 is a welcome way to write a million */
    } else {
        return fail_value(o, "is not a whole number", err);
    }
    return check_range(o, (double)o->integer, err);
}

static pf_status check_bool(config_option *o, pf_error *err) {
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (int i = 0; i < 8; i++) {
        if (strcasecmp(o->value, words[i]) != 0) continue;
        o->integer = i & 1;
        return PF_OK;
    }
    return fail_value(o, "is not true or false", err);
}

static pf_status suggest_choice(const config_option *o, pf_status st, pf_error *err) {
    enum { CHOICES_MAX = 64 };
    const char *names[CHOICES_MAX];
    size_t count = 0;
    char *copy = strdup(o->option->choices), *state = NULL;
    if (!copy) return st;
    for (char *p = strtok_r(copy, "|", &state); p && count < CHOICES_MAX; p = strtok_r(NULL, "|", &state))
        names[count++] = p;
    const char *near = pf__nearest(o->value, names, count);
    if (near) st = pf__hint(err, st, "did you mean '%s'?", near);
    free(copy);
    return st;
}

bool pf__value_is_choice(const pf__option *o, const char *value) {
    size_t length = strlen(value);
    for (const char *p = o->choices ? o->choices : ""; *p;) {
        size_t n = strcspn(p, "|");
        if (n == length && strncmp(p, value, n) == 0) return true;
        p += n + (p[n] == '|');
    }
    return false;
}

static pf_status check_choice(const config_option *o, pf_error *err) {
    if (pf__value_is_choice(o->option, o->value)) return PF_OK;
    pf_status st = pf__fail(err, PF_USAGE, "%s: %s = %s is not one of %s", o->origin, o->key, o->value,
                            o->option->choices);
    return suggest_choice(o, hint_option(o, st, err), err);
}

int pf__value_next(const char **rest, double *value) {
    const char *p = *rest;
    if (*p == '\0') return 0;
    size_t n = strcspn(p, ",");
    char item[64]; /* a longer one is no number that anybody wrote */
    snprintf(item, sizeof item, "%.*s", (int)(n < sizeof item ? n : 0), p);
    int good = pf__parse_real(item, value);
    *rest = p + n + (p[n] == ',');
    return good ? 1 : -1;
}

static pf_status check_list(const config_option *o, pf_error *err) {
    const char *rest = o->value;
    double value;
    for (int more; (more = pf__value_next(&rest, &value)) != 0;) {
        if (more < 0) return fail_value(o, "is not a list of numbers separated by commas", err);
        PF__TRY(check_range(o, value, err));
    }
    return PF_OK;
}

pf_status pf__value_check(config_option *o, pf_error *err) {
    o->integer = 0;
    o->real = 0;
    if (*o->value == '\0') {
        bool numeric = o->option->type <= PF__OPTION_BOOL || o->option->type == PF__OPTION_CHOICE;
        if (!numeric || *o->option->initial == '\0') return PF_OK;
        return hint_option(o, pf__fail(err, PF_USAGE, "%s: %s has no value", o->origin, o->key), err);
    }
    switch (o->option->type) {
    case PF__OPTION_INT:
        return check_int(o, err);
    case PF__OPTION_REAL:
        if (!pf__parse_real(o->value, &o->real)) return fail_value(o, "is not a number", err);
        return check_range(o, o->real, err);
    case PF__OPTION_BOOL:
        return check_bool(o, err);
    case PF__OPTION_CHOICE:
        return check_choice(o, err);
    case PF__OPTION_LIST:
        return check_list(o, err);
    case PF__OPTION_TEXT:
    case PF__OPTION_PATH:
        break;
    }
    return PF_OK;
}
