/* SPDX-License-Identifier: MIT
 * Which of the devices found a selector means: "0:1", "gpu", "cpu", "accelerator", "name=TEXT". */
#include "base/text.h"
#include "runtime/objects.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum kind { ANY, INDEX, TYPE, NAME };

struct wish {
    enum kind kind;
    int platform, device;
    pf_device_type type;
    const char *name;
};

/* Digits only: "0:1". */
static bool parse_index(const char *text, struct wish *w) {
    char *end;
    if (!isdigit((unsigned char)text[0])) return false;
    long platform = strtol(text, &end, 10);
    if (*end != ':' || !isdigit((unsigned char)end[1])) return false;
    long device = strtol(end + 1, &end, 10);
    if (*end != 0 || platform > 9999 || device > 9999) return false;
    *w = (struct wish){.kind = INDEX, .platform = (int)platform, .device = (int)device};
    return true;
}

static bool parse(const char *text, struct wish *w) {
    static const pf_device_type types[] = {PF_DEVICE_CPU, PF_DEVICE_GPU, PF_DEVICE_ACCELERATOR};
    *w = (struct wish){.kind = ANY};
    if (!text || !text[0]) return true;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcasecmp(text, pf__device_type_name(types[i])) == 0) {
            *w = (struct wish){.kind = TYPE, .type = types[i]};
            return true;
        }
    if (strncasecmp(text, "name=", 5) == 0 && text[5]) {
        *w = (struct wish){.kind = NAME, .name = text + 5};
        return true;
    }
    return parse_index(text, w);
}

static bool contains(const char *text, const char *part) {
    size_t length = strlen(part);
    for (; *text; text++)
        if (strncasecmp(text, part, length) == 0) return true;
    return false;
}

static bool fits(const struct wish *w, const pf_device_info *info) {
    switch (w->kind) {
    case ANY:
        return true;
    case INDEX:
        return info->platform_index == w->platform && info->device_index == w->device;
    case TYPE:
        return info->type == w->type;
    case NAME:
        return contains(info->name, w->name);
    }
    return false;
}

/* The first that fits and can be used; among all devices a GPU comes first. *blocked: the first that only
 * fits. */
static const struct pf__found *find(const struct pf__discovery *d, const struct wish *w,
                                    const struct pf__found **blocked) {
    const struct pf__found *first = NULL;
    *blocked = NULL;
    for (int i = 0; i < d->count; i++) {
        const struct pf__found *f = &d->devices[i];
        if (!fits(w, &f->info)) continue;
        if (f->obstacle) {
            if (!*blocked) *blocked = f;
            continue;
        }
        if (w->kind != ANY || f->info.type == PF_DEVICE_GPU) return f;
        if (!first) first = f;
    }
    return first;
}

static pf_status fail_none(const struct pf__discovery *d, const char *selector, pf_error *err) {
    static const char install[] =
        "install an OpenCL driver: apt install pocl-opencl-icd (any CPU), or your GPU "
        "vendor's";
    if (d->count == 0 && !d->empty[0])
        return pf__hint(err, pf__fail(err, PF_NO_DEVICE, "no OpenCL device found"), "%s", install);
    if (d->count == 0)
        return pf__hint(
            err,
            pf__fail(err, PF_NO_DEVICE, "no OpenCL device found; platforms without a device: %s", d->empty),
            "%s; for PoCL see that POCL_CACHE_DIR, or without it ~/.cache, can be written", install);
    pf__text list = {0};
    for (int i = 0; i < d->count; i++) {
        const struct pf__found *f = &d->devices[i];
        pf__text_format(&list, "%s%d:%d '%s' (%s%s%s)", i ? ", " : "", f->info.platform_index,
                        f->info.device_index, f->info.name, pf__device_type_name(f->info.type),
                        f->obstacle ? ", " : "", f->obstacle ? f->obstacle : "");
    }
    pf__fail(err, PF_NO_DEVICE, "no OpenCL device fits '%s'; found: %s", selector, pf__text_string(&list));
    pf__text_free(&list);
    return pf__hint(err, PF_NO_DEVICE, "choose one of the devices found, or %s", install);
}

pf_status pf__select(const struct pf__discovery *d, const char *selector, const struct pf__found **out,
                     pf_error *err) {
    struct wish wish;
    const struct pf__found *blocked;
    if (!parse(selector, &wish))
        return pf__hint(err, pf__fail(err, PF_USAGE, "device '%s' is not understood", selector),
                        "use gpu, cpu, accelerator, name=PART_OF_THE_NAME, or PLATFORM:DEVICE such as 0:0");
    *out = find(d, &wish, &blocked);
    if (*out) return PF_OK;
    if (!blocked) return fail_none(d, wish.kind == ANY ? "any" : selector, err);
    pf__fail(err, PF_NO_DEVICE, "device %d:%d '%s' cannot be used: it %s", blocked->info.platform_index,
             blocked->info.device_index, blocked->info.name, blocked->obstacle);
    return pf__hint(err, PF_NO_DEVICE, "choose another device, or update its driver ('%s', version %s)",
                    blocked->info.platform, blocked->info.driver);
}
