/* SPDX-License-Identifier: MIT
 * Attributes: one text or one number each. */
#include "data/h5_private.h"
#include <stdio.h>

static void name_attribute(char out[256], const char *path, const char *name) {
    snprintf(out, 256, "attribute '%s' of %s", name, path);
}

static pf_status has_attribute_locked(pf__h5 *f, const char *path, const char *name, bool *found,
                                      pf_error *err) {
    PF__TRY(pf__h5_exists_locked(f, path, found, err));
    if (!*found) return PF_OK;
    char what[256];
    name_attribute(what, path, name);
    htri_t is = H5Aexists_by_name(f->id, path, name, H5P_DEFAULT);
    *found = is > 0;
    return is < 0 ? pf__h5_fail(f, err, "look for", what) : PF_OK;
}

pf_status pf__h5_has_attribute(pf__h5 *f, const char *path, const char *name, bool *found, pf_error *err) {
    pf__h5_enter();
    pf_status st = has_attribute_locked(f, path, name, found, err);
    pf__h5_leave();
    return st;
}

/* Writes a scalar attribute, in the place of an older one. */
static pf_status set_locked(pf__h5 *f, const char *path, const char *name, hid_t stored, hid_t native,
                            const void *value, pf_error *err) {
    char what[256];
    name_attribute(what, path, name);
    bool old;
    PF__TRY(has_attribute_locked(f, path, name, &old, err));
    pf_status st = PF_OK;
    hid_t attribute = -1, space = H5Screate(H5S_SCALAR);
    if (old && H5Adelete_by_name(f->id, path, name, H5P_DEFAULT) < 0) {
        st = pf__h5_fail(f, err, "replace", what);
    } else {
        if (stored >= 0 && space >= 0)
            attribute = H5Acreate_by_name(f->id, path, name, stored, space, H5P_DEFAULT, H5P_DEFAULT,
                                          H5P_DEFAULT);
        if (attribute < 0 || H5Awrite(attribute, native, value) < 0) st = pf__h5_fail(f, err, "write", what);
    }
    pf__h5_drop(attribute);
    pf__h5_drop(space);
    return st;
}

pf_status pf__h5_set_text(pf__h5 *f, const char *path, const char *name, const char *text, pf_error *err) {
    pf__h5_enter();
    hid_t type = pf__h5_text_type(H5T_CSET_UTF8);
    pf_status st = set_locked(f, path, name, type, type, &text, err);
    pf__h5_drop(type);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_set_int(pf__h5 *f, const char *path, const char *name, int64_t value, pf_error *err) {
    pf__h5_enter();
    pf_status st = set_locked(f, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_set_real(pf__h5 *f, const char *path, const char *name, double value, pf_error *err) {
    pf__h5_enter();
    pf_status st = set_locked(f, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value, err);
    pf__h5_leave();
    return st;
}

static pf_status open_attribute(pf__h5 *f, const char *path, const char *name, hid_t *attribute,
                                pf_error *err) {
    *attribute = -1;
    bool found;
    PF__TRY(has_attribute_locked(f, path, name, &found, err));
    if (!found) return pf__fail(err, PF_DATA, "%s: attribute '%s' of %s is missing", f->path, name, path);
    *attribute = H5Aopen_by_name(f->id, path, name, H5P_DEFAULT, H5P_DEFAULT);
    char what[256];
    name_attribute(what, path, name);
    return *attribute < 0 ? pf__h5_fail(f, err, "open", what) : PF_OK;
}

pf_status pf__h5_get_text(pf__h5 *f, const char *path, const char *name, char **text, pf_error *err) {
    *text = NULL;
    char what[256];
    name_attribute(what, path, name);
    pf__h5_enter();
    hid_t attribute = -1;
    pf_status st = open_attribute(f, path, name, &attribute, err);
    if (st == PF_OK) st = pf__h5_read_one_text(f, &(pf__h5_holder){attribute, true}, what, text, err);
    pf__h5_drop(attribute);
    pf__h5_leave();
    return st;
}

/* Bytes of one element in the file. A text of variable length is a length, an address and an index there. */
static size_t stored_size(pf__h5 *f, hid_t type) {
    if (H5Tis_variable_str(type) <= 0) return H5Tget_size(type);
    size_t address = 0, size = 0;
    hid_t plist = H5Fget_create_plist(f->id);
    const bool known = plist >= 0 && H5Pget_sizes(plist, &address, &size) >= 0;
    pf__h5_drop(plist);
    return known ? 8 + address : SIZE_MAX;
}

pf_status pf__h5_check_attribute(pf__h5 *f, hid_t attribute, hid_t type, size_t count, const char *what,
                                 pf_error *err) {
    const size_t size = stored_size(f, type);
    if (count == 0 || H5Aget_storage_size(attribute) / count >= size) return PF_OK;
    return pf__hint(err, pf__fail(err, PF_DATA, "%s: %s is shorter than its type says", f->path, what),
                    "the file is damaged: copy it again, or make it anew");
}

/* One number; a float is no integer, an integer is a real. */
static pf_status get_number(pf__h5 *f, const char *path, const char *name, bool want_real, void *value,
                            pf_error *err) {
    char what[256];
    name_attribute(what, path, name);
    hid_t attribute = -1;
    PF__TRY(open_attribute(f, path, name, &attribute, err));
    pf_status st = PF_OK;
    hid_t type = H5Aget_type(attribute), space = H5Aget_space(attribute);
    H5T_class_t kind = type < 0 ? H5T_NO_CLASS : H5Tget_class(type);
    if (type < 0 || space < 0)
        st = pf__h5_fail(f, err, "describe", what);
    else if (kind != H5T_INTEGER && !(want_real && kind == H5T_FLOAT))
        st = pf__fail(err, PF_DATA, "%s: %s is not %s", f->path, what, want_real ? "a number" : "an integer");
    else if (H5Sget_simple_extent_npoints(space) != 1)
        st = pf__fail(err, PF_DATA, "%s: %s is not one number", f->path, what);
    else
        st = pf__h5_check_attribute(f, attribute, type, 1, what, err);
    if (st == PF_OK && H5Aread(attribute, want_real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_INT64, value) < 0)
        st = pf__h5_fail(f, err, "read", what);
    pf__h5_drop(space);
    pf__h5_drop(type);
    pf__h5_drop(attribute);
    return st;
}

pf_status pf__h5_get_int(pf__h5 *f, const char *path, const char *name, int64_t *value, pf_error *err) {
    pf__h5_enter();
    pf_status st = get_number(f, path, name, false, value, err);
    pf__h5_leave();
    return st;
}

pf_status pf__h5_get_real(pf__h5 *f, const char *path, const char *name, double *value, pf_error *err) {
    pf__h5_enter();
    pf_status st = get_number(f, path, name, true, value, err);
    pf__h5_leave();
    return st;
}
