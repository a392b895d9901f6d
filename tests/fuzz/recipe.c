/* SPDX-License-Identifier: MIT
 * HDF5 files after a recipe. An input is one byte for the file, then edits: member, kind of edit, arguments.
 * HDF5 is called directly here: what src/data/h5.c would refuse to write is what is wanted. */
#include "recipe.h"
#include <hdf5.h>
#include <math.h>

enum {
    OBJECTS = 64,
    EXTRA = 4,
    RANK_MOST = 32,
    EDITS_MOST = 48,
    ELEMENTS_MOST = 1 << 15,
    BYTES_MOST = 1 << 19
};

/* One member as it will be written. */
struct object {
    const char *path, *attribute;
    recipe_kind kind;
    int rank;
    hsize_t dim[RANK_MOST];
    const char *text;
    double first;
    uint8_t type, space, layout, chunk, filters, link; /* 0: as the table says */
    fuzz_part bytes; /* the content, again and again; none: as the table says */
    bool dropped, unwritten;
};

struct plan {
    struct object object[OBJECTS];
    int count;
    uint8_t file;
};

/* ---- reading the recipe ---- */

static const hsize_t sizes[] = {0,        1,          2,          3,          5,          7,
                                8,        17,         1000,       65536,      1u << 20,   1u << 26,
                                1u << 31, 1ull << 32, 1ull << 40, 1ull << 48, 1ull << 62, (1ull << 63) - 1};
static const double numbers[] = {0,      -1,     1,      0.5,    2,      1e300, -1e300,
                                 1e-320, 0x1p53, 0x1p31, 0x1p32, 0x1p63, 1e6};
static const char *const paths[] = {
    "/train/extra",
    "/model",
    "/ema",
    "/ema/0.9",
    "/train",
    "/test",
    "/optimizer",
    "/data",
    "/provenance",
    "/train/x/y",
    "/model/weight",
    "/class_names",
    "/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t/u/v/w/x/y/z/a/b/c/d/e/f/g/h/i/j/k",
    "/ema/a/b",
    "/ema/a-very-long-name-of-an-average-that-no-trainer-would-write/x",
    "/model/"
    "a-very-long-name-of-a-tensor-a-very-long-name-of-a-tensor-a-very-long-name-of-a-tensor-a-very-long-"
    "name-of-a-tensor-a-very-long-name-of-a-tensor-a-very-long-name-of-a-tensor-a-very-long-name-of-a-"
    "tensor"};
static const char *const words[] = {"",
                                    " ",
                                    "\xff\xfe",
                                    "a\nb",
                                    "\x1b[31m",
                                    "-",
                                    "NaN",
                                    "[train]\nsteps = x\n",
                                    "0",
                                    "[",
                                    "pushforward-dataset",
                                    "pushforward-checkpoint",
                                    "NHWC",
                                    "NCHW"};

static void read_edit(struct plan *p, fuzz_part *in) {
    struct object *o = &p->object[fuzz_byte(in) % p->count];
    uint8_t kind = fuzz_byte(in) % RECIPE_EDITS, a = fuzz_byte(in);
    switch ((recipe_edit)kind) {
    case RECIPE_DROP:
        o->dropped = a % 4 != 0;
        break;
    case RECIPE_TYPE:
        o->type = a;
        break;
    case RECIPE_RANK:
        o->rank = a > 250 ? RANK_MOST : a % 11;
        for (int i = 0; i < o->rank; i++)
            if (o->dim[i] == 0) o->dim[i] = 1;
        break;
    case RECIPE_SIZE:
        o->dim[(a >> 5) % 8] = sizes[(a & 31) % (sizeof sizes / sizeof *sizes)];
        break;
    case RECIPE_SPACE:
        o->space = a % 3;
        break;
    case RECIPE_LAYOUT:
        o->layout = a % 5;
        o->chunk = a / 5;
        break;
    case RECIPE_FILTERS:
        o->filters = a;
        break;
    case RECIPE_BYTES:
        o->bytes = (fuzz_part){in->data, a < in->size ? a : in->size};
        in->data += o->bytes.size;
        in->size -= o->bytes.size;
        break;
    case RECIPE_LINK:
        o->link = a % 9;
        break;
    case RECIPE_PATH:
        o->path = paths[a % (sizeof paths / sizeof *paths)];
        o->dropped = false;
        break;
    case RECIPE_NUMBER:
        o->first = a % 16 == 14 ? NAN : a % 16 == 15 ? INFINITY : numbers[a % 16 % 13];
        break;
    case RECIPE_WORDS:
        o->text = words[a % (sizeof words / sizeof *words)];
        break;
    case RECIPE_UNWRITTEN:
        o->unwritten = a % 2 == 0;
        break;
    case RECIPE_EDITS:
        break;
    }
}

/* Extra members come first: a dataset may stand where a group should be. */
static void read_plan(struct plan *p, const recipe_member *table, int count, fuzz_part in) {
    *p = (struct plan){.count = count + EXTRA, .file = fuzz_byte(&in)};
    for (int i = 0; i < EXTRA; i++)
        p->object[count + i] = (struct object){
            .path = "/extra", .kind = RECIPE_F32, .rank = 1, .dim = {2}, .text = "", .dropped = true};
    for (int i = 0; i < count; i++) {
        struct object *o = &p->object[i];
        *o = (struct object){.path = table[i].path,
                             .attribute = table[i].attribute,
                             .kind = table[i].kind,
                             .rank = table[i].rank,
                             .text = table[i].text ? table[i].text : "",
                             .first = table[i].first};
        for (int k = 0; k < table[i].rank; k++) o->dim[k] = (hsize_t)table[i].dim[k];
    }
    for (int i = 0; i < EDITS_MOST && in.size; i++) read_edit(p, &in);
}

/* ---- types ---- */

static hid_t string_type(size_t size, H5T_str_t pad) {
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, size);
    H5Tset_strpad(type, pad);
    return type;
}

static hid_t table_type(recipe_kind kind) {
    switch (kind) {
    case RECIPE_U8:
        return H5Tcopy(H5T_STD_U8LE);
    case RECIPE_I32:
        return H5Tcopy(H5T_STD_I32LE);
    case RECIPE_F32:
        return H5Tcopy(H5T_IEEE_F32LE);
    case RECIPE_F64:
        return H5Tcopy(H5T_IEEE_F64LE);
    case RECIPE_TEXT:
        break;
    }
    return string_type(H5T_VARIABLE, H5T_STR_NULLTERM);
}

static hid_t odd_integer(size_t bytes, size_t precision, size_t offset) {
    hid_t type = H5Tcopy(H5T_STD_I32LE);
    H5Tset_precision(type, precision);
    H5Tset_offset(type, offset);
    H5Tset_size(type, bytes);
    return type;
}

static hid_t half_type(void) {
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(type, 15, 10, 5, 0, 10);
    H5Tset_size(type, 2);
    H5Tset_ebias(type, 15);
    return type;
}

static hid_t enum_type(void) {
    hid_t type = H5Tcreate(H5T_ENUM, 1);
    H5Tenum_insert(type, "a", &(uint8_t){0});
    H5Tenum_insert(type, "b", &(uint8_t){7});
    return type;
}

static hid_t compound_type(void) {
    hid_t type = H5Tcreate(H5T_COMPOUND, 8);
    H5Tinsert(type, "r", 0, H5T_IEEE_F32LE);
    H5Tinsert(type, "i", 4, H5T_IEEE_F32LE);
    return type;
}

static hid_t vlen_type(void) {
    return H5Tvlen_create(H5T_STD_I32LE);
}

static hid_t array_type(void) {
    return H5Tarray_create2(H5T_STD_I32LE, 2, (hsize_t[]){2, 3});
}

static hid_t type_of(const struct object *o) {
    const hid_t plain[] = {H5T_STD_U8LE,   H5T_STD_I8LE,   H5T_STD_U16LE,  H5T_STD_I16BE,      H5T_STD_I32LE,
                           H5T_STD_I32BE,  H5T_STD_U32LE,  H5T_STD_I64LE,  H5T_STD_U64BE,      H5T_IEEE_F32LE,
                           H5T_IEEE_F32BE, H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_NATIVE_LDOUBLE, H5T_STD_B8LE,
                           H5T_STD_B64BE,  H5T_UNIX_D32LE, H5T_STD_REF_OBJ};
    const int plain_count = (int)(sizeof plain / sizeof *plain);
    if (o->type == 0) return table_type(o->kind);
    int code = (o->type - 1) % (plain_count + 16);
    if (code < plain_count) return H5Tcopy(plain[code]);
    switch (code - plain_count) {
    case 0:
        return half_type();
    case 1:
        return odd_integer(4, 17, 3);
    case 2:
        return odd_integer(3, 24, 0);
    case 3:
        return odd_integer(1000, 30, 2);
    case 4:
        return string_type(1, H5T_STR_NULLTERM);
    case 5:
        return string_type(5, H5T_STR_NULLPAD);
    case 6:
        return string_type(64, H5T_STR_SPACEPAD);
    case 7:
        return string_type((size_t)1 << 31, H5T_STR_NULLPAD);
    case 8:
        return string_type(H5T_VARIABLE, H5T_STR_NULLTERM);
    case 9:
        return enum_type();
    case 10:
        return compound_type();
    case 11:
        return vlen_type();
    case 12:
        return array_type();
    case 13:
        return H5Tcreate(H5T_OPAQUE, 7);
    case 14:
        return string_type(60000, H5T_STR_NULLPAD);
    default:
        return odd_integer(8, 1, 0);
    }
}

/* ---- contents ---- */

static hid_t space_of(const struct object *o) {
    if (o->space == 1) return H5Screate(H5S_NULL);
    if (o->space == 2 || o->rank == 0) return H5Screate(H5S_SCALAR);
    hsize_t most[RANK_MOST];
    for (int i = 0; i < o->rank; i++) most[i] = o->layout > 3 ? H5S_UNLIMITED : o->dim[i];
    return H5Screate_simple(o->rank, o->dim, most);
}

/* n texts; the content, when there is one, is the text. */
static void write_texts(const struct object *o, hid_t id, hid_t type, size_t n) {
    char *own = calloc(o->bytes.size + 1, 1), **list = calloc(n + 1, sizeof *list);
    if (own && o->bytes.size) memcpy(own, o->bytes.data, o->bytes.size);
    for (size_t i = 0; list && i < n; i++) list[i] = o->bytes.size ? own : (char *)(uintptr_t)o->text;
    if (own && list && o->attribute) H5Awrite(id, type, list);
    if (own && list && !o->attribute) H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, list);
    free(list);
    free(own);
}

static void write_bytes(const struct object *o, hid_t id, hid_t type, const void *data) {
    if (o->attribute)
        H5Awrite(id, type, data);
    else
        H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, data);
}

static void write_numbers(const struct object *o, hid_t id, size_t n) {
    double *x = malloc((n + 1) * sizeof *x);
    for (size_t i = 0; x && i < n; i++) x[i] = o->first + (double)i;
    if (x) write_bytes(o, id, H5T_NATIVE_DOUBLE, x);
    free(x);
}

static void write_content(const struct object *o, hid_t id, hid_t type, hid_t space) {
    hssize_t n = H5Sget_simple_extent_npoints(space);
    size_t size = H5Tget_size(type);
    if (o->unwritten || n < 1 || n > ELEMENTS_MOST || size > BYTES_MOST || (size_t)n * size > BYTES_MOST)
        return;
    H5T_class_t class = H5Tget_class(type);
    if (H5Tis_variable_str(type) > 0) {
        write_texts(o, id, type, (size_t)n);
    } else if (class == H5T_VLEN) {
        hvl_t *list = calloc((size_t)n, sizeof *list);
        for (hssize_t i = 0; list && i < n; i++) list[i] = (hvl_t){2, (int[]){1, 2}};
        if (list) write_bytes(o, id, type, list);
        free(list);
    } else if (o->bytes.size || (class != H5T_INTEGER && class != H5T_FLOAT)) {
        fuzz_part from = o->bytes.size ? o->bytes : (fuzz_part){(const uint8_t *)o->text, strlen(o->text)};
        uint8_t *data = calloc((size_t)n, size);
        for (size_t i = 0; data && from.size && i < (size_t)n * size; i++) data[i] = from.data[i % from.size];
        if (data) write_bytes(o, id, type, data);
        free(data);
    } else {
        write_numbers(o, id, (size_t)n);
    }
}

/* ---- objects ---- */

static hid_t creation(const struct object *o, hid_t type) {
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE);
    bool filtered = o->filters != 0;
    if (o->layout == 1) H5Pset_layout(dcpl, H5D_COMPACT);
    if (o->layout == 2) H5Pset_alloc_time(dcpl, H5D_ALLOC_TIME_LATE);
    if ((o->layout > 2 || filtered) && o->rank > 0) {
        hsize_t chunk[RANK_MOST];
        for (int i = 0; i < o->rank; i++) {
            hsize_t most = o->chunk % 4 == 0   ? 4
                           : o->chunk % 4 == 1 ? 1
                           : o->chunk % 4 == 2 ? 1000
                                               : (hsize_t)1 << 31;
            chunk[i] = o->layout < 4 && o->dim[i] < most ? (o->dim[i] ? o->dim[i] : 1) : most;
        }
        H5Pset_chunk(dcpl, o->rank, chunk);
    }
    if (o->filters & 1) H5Pset_shuffle(dcpl);
    if (o->filters & 2) H5Pset_deflate(dcpl, 6);
    if (o->filters & 4) H5Pset_fletcher32(dcpl);
    H5T_class_t class = H5Tget_class(type);
    if (class != H5T_INTEGER && class != H5T_FLOAT) return dcpl; /* libhdf5 crashes when it writes these */
    if (o->filters == 8) H5Pset_nbit(dcpl); /* after another filter, libhdf5 reads past the end of a chunk */
    if (o->filters == 16) H5Pset_scaleoffset(dcpl, H5Z_SO_INT, 0); /* the same */
    return dcpl;
}

/* Whether libhdf5 would make a chunk too large for the harness when something is written into it. */
static bool has_huge_chunks(hid_t dcpl, hid_t type) {
    hsize_t chunk[RANK_MOST];
    if (H5Pget_layout(dcpl) != H5D_CHUNKED) return false;
    const int rank = H5Pget_chunk(dcpl, RANK_MOST, chunk);
    double bytes = (double)H5Tget_size(type);
    for (int i = 0; i < rank; i++) bytes *= (double)chunk[i];
    return bytes > 64.0 * BYTES_MOST;
}

static void put_dataset(const struct object *o, hid_t file, hid_t lcpl) {
    hid_t type = type_of(o), space = space_of(o), dcpl = creation(o, type);
    hid_t id = H5Dcreate2(file, o->path, type, space, lcpl, dcpl, H5P_DEFAULT);
    if (id >= 0) {
        if (!has_huge_chunks(dcpl, type)) write_content(o, id, type, space);
        H5Dclose(id);
    }
    H5Pclose(dcpl);
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
}

static void put_attribute(const struct object *o, hid_t file) {
    hid_t type = type_of(o), space = space_of(o), id = -1;
    double bytes = (double)H5Tget_size(type); /* HDF5 asks for memory before it refuses */
    for (int i = 0; i < o->rank; i++) bytes *= (double)(o->dim[i] ? o->dim[i] : 1);
    if (bytes > BYTES_MOST)
        id = -1;
    else if (H5Lexists(file, o->path, H5P_DEFAULT) > 0 || strcmp(o->path, "/") == 0)
        id = H5Acreate_by_name(file, o->path, o->attribute, type, space, H5P_DEFAULT, H5P_DEFAULT,
                               H5P_DEFAULT);
    if (id >= 0) {
        write_content(o, id, type, space);
        H5Aclose(id);
    }
    if (space >= 0) H5Sclose(space);
    if (type >= 0) H5Tclose(type);
}

/* Something else in the place of a dataset. */
static void put_link(const struct object *o, hid_t file, hid_t lcpl, const char *path) {
    hid_t id = -1;
    switch (o->link) {
    case 1:
        id = H5Gcreate2(file, o->path, lcpl, H5P_DEFAULT, H5P_DEFAULT);
        if (id >= 0) H5Gclose(id);
        break;
    case 2:
        H5Lcreate_soft("/nowhere", file, o->path, lcpl, H5P_DEFAULT);
        break;
    case 3:
        H5Lcreate_soft(o->path, file, o->path, lcpl, H5P_DEFAULT);
        break;
    case 4:
        H5Lcreate_hard(file, "/", file, o->path, lcpl, H5P_DEFAULT);
        break;
    case 5:
        id = H5Tcopy(H5T_STD_I32LE);
        if (H5Tcommit2(file, o->path, id, lcpl, H5P_DEFAULT, H5P_DEFAULT) >= 0) H5Tclose(id);
        break;
    case 6:
        H5Lcreate_external("nowhere.h5", "/x", file, o->path, lcpl, H5P_DEFAULT);
        break;
    case 7:
        H5Lcreate_external(path, "/", file, o->path, lcpl, H5P_DEFAULT);
        break;
    default:
        H5Lcreate_soft("/train", file, o->path, lcpl, H5P_DEFAULT);
    }
}

static hid_t create_file(const char *path, uint8_t how) {
    hid_t fcpl = H5Pcreate(H5P_FILE_CREATE), fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (how & 1) H5Pset_userblock(fcpl, 512);
    if (how & 2) H5Pset_libver_bounds(fapl, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    if (how & 4) H5Pset_attr_phase_change(fcpl, 0, 0);
    H5Pset_fclose_degree(fapl, H5F_CLOSE_STRONG);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, fcpl, fapl);
    H5Pclose(fapl);
    H5Pclose(fcpl);
    return file;
}

void recipe_write(const char *path, const recipe_member *table, int count, fuzz_part edits) {
    static struct plan plan;
    read_plan(&plan, table, count, edits);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5set_free_list_limits(-1, -1, -1, -1, -1, -1); /* keep what each open file needs: twice as fast */
    hid_t file = create_file(path, plan.file), lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    for (int i = count; i < plan.count + count; i++) {
        const struct object *o = &plan.object[i % plan.count];
        if (file < 0 || o->dropped) continue;
        if (o->attribute)
            put_attribute(o, file);
        else if (o->link)
            put_link(o, file, lcpl, path);
        else
            put_dataset(o, file, lcpl);
    }
    H5Pclose(lcpl);
    if (file >= 0) H5Fclose(file);
}
