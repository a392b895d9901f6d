/* SPDX-License-Identifier: MIT
 * Text from a configuration: the resolved copy as INI, and help from a table. */
#include "base/config_private.h"
#include <assert.h>
#include <string.h>

static void print_option(const config_option *o, bool with_origin, pf__text *out) {
    size_t start = out->length;
    pf__text_format(out, *o->value ? "%s = %s" : "%s =%s", o->option->name, o->value);
    if (with_origin) {
        size_t used = out->length - start;
        pf__text_format(out, "%*s  ; %s", used < 34 ? (int)(34 - used) : 0, "", o->origin);
    }
    pf__text_add(out, "\n");
}

/* Sections appear once, where a table first names them, with the options of all tables. */
static bool is_first_of_section(const pf__config *c, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (strcmp(c->options[i].option->section, c->options[index].option->section) == 0) return false;
    return true;
}

void pf__config_print(const pf__config *c, bool with_origin, bool skip_paths, pf__text *out) {
    assert(c->resolved);
    for (size_t i = 0; i < c->option_count; i++) {
        if (!is_first_of_section(c, i)) continue;
        const char *section = c->options[i].option->section;
        pf__text_format(out, "%s[%s]\n", i == 0 ? "" : "\n", section);
        for (size_t j = i; j < c->option_count; j++) {
            const config_option *o = &c->options[j];
            if (strcmp(o->option->section, section) != 0) continue;
            bool is_path = o->option->type == PF__OPTION_PATH && !pf__value_is_choice(o->option, o->value);
            if (skip_paths && is_path) continue;
            print_option(o, with_origin, out);
        }
    }
}

static const char *type_name(const pf__option *o) {
    switch (o->type) {
    case PF__OPTION_INT:
        return "int";
    case PF__OPTION_REAL:
        return "real";
    case PF__OPTION_BOOL:
        return "bool";
    case PF__OPTION_TEXT:
        return "text";
    case PF__OPTION_CHOICE:
        return o->choices;
    case PF__OPTION_LIST:
        return "list";
    case PF__OPTION_PATH:
        return "path";
    }
    return "";
}

void pf__option_help(const pf__option *table, pf__text *out) {
    int width = 0;
    for (const pf__option *o = table; o->name; o++) {
        int used = (int)(strlen(o->section) + strlen(o->name)) + 1;
        if (used > width) width = used;
    }
    for (const pf__option *o = table; o->name; o++) {
        size_t start = out->length;
        pf__text_format(out, "  %s.%s", o->section, o->name);
        int used = (int)(out->length - start);
        pf__text_format(out, "%*s  %s", used < width + 2 ? width + 2 - used : 0, "", type_name(o));
        pf__text range = {0};
        pf__value_range(o, &range);
        if (range.length > 0) pf__text_format(out, " %s", range.data);
        pf__text_free(&range);
        if (o->unit) pf__text_format(out, ", %s", o->unit);
        pf__text_format(out, *o->initial ? ", default %s" : ", unset%s", o->initial);
        pf__text_format(out, "\n%*s", width + 4, "");
        if (o->symbol) pf__text_format(out, "%s: ", o->symbol);
        pf__text_add(out, o->help);
        if (o->equation) pf__text_format(out, " (%s)", o->equation);
        pf__text_add(out, "\n");
    }
}
