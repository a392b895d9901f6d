/* SPDX-License-Identifier: MIT
 * The drifting field on a device. Kernels: cl/drift.cl, cl/drift_tiles.cl.
 *
 *   targets ─▶ panels ─┐                        (two-sided: the mass of every column, over all blocks) ─┐
 *   x ─────────────────┴▶ u of a block of rows ─▶ coefficients ─▶ times targets ─▶ V of the block      ◀┘
 *
 * The distances u of all rows are kept where they fit in the workspace; else they come block by block, for
 * the two-sided form twice. Up to SMALL_DIM coordinates distances are sums of squared differences and V is
 * computed beside its coefficients, which are never stored; up to DIRECT_DIM only the former; beyond,
 * everything is products. */
#include "ops/candidates.h"
#include "ops/drift_private.h"
#include "ops/matmul_private.h"
#include <math.h>
#include <stdio.h>

#define SMALL_DIM   8
#define DIRECT_DIM  32
#define DEPTH       256u  /* rows of a panel in one pass, about */
#define FAR         1e30f /* as in cl/drift.cl */
#define BLOCKS_MOST 4096u /* of rows */

/* How a device works: vectors and register tiles, or work-groups. */
typedef struct design {
    bool cpu;
    uint32_t v, lanes;       /* vector width; items of a work-group in kernels by rows */
    uint32_t w, tile_rows;   /* of a tile of products */
    uint32_t square;         /* not cpu: items along a side of a tile's work-group */
    uint32_t column_vectors; /* of an item in kernels by columns */
} design;

/* A run of groups, or a run of rows of one group. */
typedef struct block {
    uint32_t group, groups, row, rows, padded_rows;
} block;

typedef struct lowered {
    pf__lowering *l;
    pf__drift n;
    design d;
    uint32_t pn, p; /* targets with padding: of the negatives, of all */
    bool small, centred;
    uint32_t block_rows, block_groups;
    uint32_t slices, slice_rows; /* partial masses of a column, and rows in each */
    /* workspaces */
    uint32_t centre, x, x_norm, panels, y_norm, weight, columns, u, coefficients, parts, column;
} lowered;

static uint32_t power_of_two(uint64_t most, uint32_t limit) {
    uint32_t n = 1;
    while (2 * n <= limit && 2 * (uint64_t)n <= most) n *= 2;
    return n;
}

static design choose(const pf__lowering *l) {
    design d = {.cpu = l->device->type == PF_DEVICE_CPU, .lanes = 1};
    if (d.cpu) {
        d.v = l->device->vector_width >= 16 ? 16 : l->device->vector_width >= 8 ? 8 : 4;
        d.tile_rows = d.v == 16 ? 8 : d.v == 8 ? 6 : 4;
        d.w = 2 * d.v;
        d.column_vectors = 2;
        return d;
    }
    d.v = 1;
    d.lanes = power_of_two(l->device->work_group_max, 128);
    d.square = d.lanes >= 128 && l->device->work_group_max >= 256 ? 16 : d.lanes >= 64 ? 8 : 4;
    d.w = d.tile_rows = 4 * d.square;
    d.column_vectors = 1;
    return d;
}

/* ---- one kernel ---- */

enum { OPERANDS_MAX = 40 };

/* What a kernel's text depends on. */
enum { GAUSS = 1, CENTRED = 2, TWO_SIDED = 4 };

typedef struct call {
    const char *what;
    bool tiles; /* of drift_tiles.cl */
    int knows;
    size_t global[3]; /* work-groups */
    pf__operand operand[OPERANDS_MAX];
    int count;
    bool by_items; /* not cpu: one item where there would be a work-group */
    uint32_t side; /* not 0: of the square of items that a work-group is */
    double flops, bytes;
    const char *defines;
} call;

static void add(call *c, pf__operand o) {
    c->operand[c->count++] = o;
}

/* The SIZES of cl/drift.cl. */
static void add_sizes(call *c, const lowered *w, const block *b) {
    const uint32_t sizes[] = {
        b->group,
        b->row,
        b->rows,
        b->padded_rows,
        (uint32_t)w->n.groups,
        (uint32_t)w->n.x_count,
        (uint32_t)w->n.own_count,
        (uint32_t)w->n.positive_count,
        (uint32_t)w->n.extra_count,
        (uint32_t)w->n.dim,
        w->pn,
        w->p,
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) add(c, pf__u32(sizes[i]));
}

static pf__operand extra_or_any(const lowered *w) {
    return pf__read(w->n.extra ? w->n.extra : w->n.positive);
}

static pf_status launch(lowered *w, const call *c, uint32_t lanes) {
    const pf__drift *n = &w->n;
    char label[96], defines[512];
    snprintf(label, sizeof label, "drift %s %lldx(%lldx%u)x%lld", c->what, (long long)n->groups,
             (long long)n->x_count, w->p, (long long)n->dim);
    snprintf(defines, sizeof defines, "#define V %u\n#define L %u\n#define W %u\n%s%s%s%s", w->d.v, lanes,
             w->d.w, c->knows & GAUSS && n->gauss ? "#define GAUSS 1\n" : "",
             c->knows & CENTRED && w->centred ? "#define CENTRED 1\n" : "",
             c->knows & TWO_SIDED && n->two_sided ? "#define TWO_SIDED 1\n" : "", c->defines);
    pf__step_desc step = {
        .label = label,
        .file = c->tiles ? "drift_tiles.cl" : "drift.cl",
        .defines = defines,
        .dims = 3,
        .global = {c->global[0] * lanes, c->global[1], c->global[2]},
        .local = {lanes, 1, 1},
        .operands = c->operand,
        .operand_count = c->count,
        .flops = c->flops,
        .bytes = c->bytes,
    };
    if (c->side) {
        for (int k = 0; k < 2; k++) {
            step.local[k] = c->side;
            step.global[k] = c->global[k] * c->side;
        }
    }
    if (c->by_items && !w->d.cpu) {
        step.local[0] = w->d.lanes;
        step.global[0] = (size_t)pf__round_up((uint32_t)c->global[0], w->d.lanes);
    }
    return w->l->kernel(w->l, &step);
}

/* ---- what is made once ---- */

static block whole(const lowered *w) {
    return (block){.groups = (uint32_t)w->n.groups, .rows = (uint32_t)w->n.x_count};
}

static pf_status make_centre(lowered *w) {
    const block all = whole(w);
    const uint32_t dim = (uint32_t)w->n.dim, groups = (uint32_t)w->n.groups;
    PF__TRY(w->l->workspace(w->l, (uint64_t)groups * pf__round_up(dim, 16), &w->centre));
    call c = {.what = "centre", .defines = "#define DRIFT_CENTRE 1\n", .by_items = true};
    c.global[0] = pf__ceil_div(dim, w->d.v);
    c.global[1] = groups;
    c.global[2] = 1;
    add(&c, pf__read(w->n.positive));
    add(&c, pf__workspace_write(w->centre));
    add_sizes(&c, w, &all);
    return launch(w, &c, 1);
}

static pf_status make_rows(lowered *w) {
    const block all = whole(w);
    const uint64_t rows = (uint64_t)(w->n.groups * w->n.x_count);
    PF__TRY(w->l->workspace(w->l, rows * (uint64_t)w->n.dim, &w->x));
    PF__TRY(w->l->workspace(w->l, rows, &w->x_norm));
    call c = {.what = "rows", .defines = "#define DRIFT_ROWS 1\n"};
    c.global[0] = (size_t)w->n.x_count;
    c.global[1] = (size_t)w->n.groups;
    c.global[2] = 1;
    add(&c, pf__read(w->n.x));
    add(&c, pf__workspace_read(w->centre));
    add(&c, pf__workspace_write(w->x));
    add(&c, pf__workspace_write(w->x_norm));
    add_sizes(&c, w, &all);
    return launch(w, &c, w->d.lanes);
}

static pf_status make_panels(lowered *w) {
    const block all = whole(w);
    const uint64_t targets = (uint64_t)w->n.groups * w->p;
    PF__TRY(w->l->workspace(w->l, targets * (uint64_t)w->n.dim, &w->panels));
    PF__TRY(w->l->workspace(w->l, targets, &w->weight));
    w->y_norm = w->weight;
    if (w->centred) PF__TRY(w->l->workspace(w->l, targets, &w->y_norm));
    call c = {.what = "panels", .knows = CENTRED, .defines = "#define DRIFT_PANELS 1\n"};
    c.global[0] = w->p / w->d.w;
    c.global[1] = (size_t)w->n.groups;
    c.global[2] = 1;
    add(&c, pf__read(w->n.x));
    add(&c, pf__read(w->n.positive));
    add(&c, extra_or_any(w));
    add(&c, pf__read(w->n.weight ? w->n.weight : w->n.positive));
    add(&c, w->centred ? pf__workspace_read(w->centre) : pf__read(w->n.positive));
    add(&c, pf__workspace_write(w->panels));
    if (w->centred) add(&c, pf__workspace_write(w->y_norm));
    add(&c, pf__workspace_write(w->weight));
    add_sizes(&c, w, &all);
    add(&c, pf__u32(w->n.weight != 0));
    add(&c, pf__u32(w->n.tau && !w->n.two_sided));
    return launch(w, &c, w->d.cpu ? 1 : power_of_two(w->d.w, w->d.lanes));
}

static pf_status make_columns(lowered *w) {
    const block all = whole(w);
    const uint32_t q = pf__ceil_div((uint32_t)w->n.dim, w->d.w), rows = 64;
    PF__TRY(w->l->workspace(w->l, (uint64_t)w->n.groups * q * w->p * w->d.w, &w->columns));
    call c = {.what = "columns", .defines = "#define DRIFT_COLUMNS 1\n"};
    c.global[0] = pf__ceil_div(w->p, rows);
    c.global[1] = (size_t)w->n.groups;
    c.global[2] = 1;
    add(&c, pf__read(w->n.x));
    add(&c, pf__read(w->n.positive));
    add(&c, extra_or_any(w));
    add(&c, pf__workspace_read(w->centre));
    add(&c, pf__workspace_write(w->columns));
    add_sizes(&c, w, &all);
    add(&c, pf__u32(rows));
    return launch(w, &c, w->d.cpu ? 1 : power_of_two(w->d.w, w->d.lanes));
}

/* ---- what is made for every block of rows ---- */

/* Panels and rows of a work-group, so that there are some dozens of even ones, and none that a driver would
 * end. */
static void spread(const lowered *w, uint32_t panels, uint32_t inner, const block *b, uint32_t *np,
                   uint32_t *mc) {
    const uint32_t longest = w->l->device->iterations_max;
    const double tile = inner + (inner / DEPTH + 1.0) * 3 * w->d.tile_rows * (w->d.w + 1);
    *np = panels < 16 ? panels : 16;
    *mc = pf__round_up(b->rows < 128 ? b->rows : 128, w->d.tile_rows);
    for (;;) {
        const double groups = (double)pf__ceil_div(panels, *np) * pf__ceil_div(b->rows, *mc) * b->groups;
        const double tiles = (double)*np * (*mc / w->d.tile_rows);
        const bool too_long = longest && tiles * tile > 0.9 * longest;
        if (!too_long && groups >= 4.0 * w->l->device->compute_units && groups >= 64) return;
        if (*np > 1)
            *np = pf__ceil_div(*np, 2);
        else if (*mc > w->d.tile_rows)
            *mc = pf__round_up(pf__ceil_div(*mc, 2), w->d.tile_rows);
        else
            return;
    }
}

/* Even parts of the inner dimension. */
static uint32_t pass_depth(uint32_t inner) {
    const uint32_t passes = (inner + DEPTH / 2) / DEPTH;
    return passes > 1 ? pf__ceil_div(inner, passes) : inner;
}

/* A product of tiles: u, or V. */
static pf_status tiles(lowered *w, call *c, const block *b, uint32_t panels, uint32_t inner,
                       uint32_t temperature, const char *define) {
    char defines[128];
    c->tiles = true;
    add_sizes(c, w, b);
    add(c, pf__u32(temperature));
    add(c, pf__f32(w->n.masked ? FAR : 0));
    if (w->d.cpu) {
        uint32_t np, mc;
        spread(w, panels, inner, b, &np, &mc);
        snprintf(defines, sizeof defines, "%s#define MR %u\n#define KC %u\n", define, w->d.tile_rows,
                 pass_depth(inner));
        c->defines = defines;
        c->global[0] = pf__ceil_div(panels, np);
        c->global[1] = pf__ceil_div(b->rows, mc);
        c->global[2] = b->groups;
        add(c, pf__u32(mc));
        add(c, pf__u32(np));
        return launch(w, c, 1);
    }
    snprintf(defines, sizeof defines, "%s#define S %u\n", define, w->d.square);
    c->defines = defines;
    c->side = w->d.square;
    c->global[0] = panels;
    c->global[1] = pf__ceil_div(b->rows, w->d.tile_rows);
    c->global[2] = b->groups;
    return launch(w, c, 1);
}

static pf_status make_distances(lowered *w, const block *b) {
    const double pairs = (double)b->rows * b->groups * w->p, dim = (double)w->n.dim;
    call c = {.what = "distances",
              .knows = GAUSS | CENTRED,
              .flops = (w->centred ? 2 : 3) * pairs * dim,
              .bytes = 4 * pairs};
    const bool direct = w->n.dim <= DIRECT_DIM;
    add(&c, w->centred ? pf__workspace_read(w->x) : pf__read(w->n.x));
    add(&c, pf__workspace_read(w->panels));
    add(&c, pf__workspace_write(w->u));
    if (w->centred) {
        add(&c, pf__workspace_read(w->x_norm));
        add(&c, pf__workspace_read(w->y_norm));
        add(&c, pf__read(w->n.x));
        add(&c, pf__read(w->n.positive));
        add(&c, extra_or_any(w));
    }
    return tiles(w, &c, b, w->p / w->d.w, (uint32_t)w->n.dim, 0,
                 direct ? "#define DRIFT_DISTANCE 1\n#define DIRECT 1\n" : "#define DRIFT_DISTANCE 1\n");
}

static pf_status make_mass(lowered *w, const block *b, uint32_t first_slice) {
    char defines[96];
    const double pairs = (double)b->rows * b->groups * w->p;
    snprintf(defines, sizeof defines, "#define DRIFT_MASS 1\n#define CV %u\n", w->d.column_vectors);
    call c = {.what = "masses", .knows = GAUSS, .defines = defines, .by_items = true, .bytes = 4 * pairs};
    c.global[0] = pf__ceil_div(w->p, w->d.column_vectors * w->d.v);
    c.global[1] = pf__ceil_div(b->rows, w->slice_rows);
    c.global[2] = b->groups;
    add(&c, pf__workspace_read(w->u));
    add(&c, pf__read(w->n.tau));
    add(&c, pf__workspace_write(w->parts));
    add_sizes(&c, w, b);
    add(&c, pf__u32((uint32_t)w->n.temperatures));
    add(&c, pf__u32(w->slice_rows));
    add(&c, pf__u32(first_slice));
    return launch(w, &c, 1);
}

static pf_status join_masses(lowered *w) {
    char defines[96];
    const block all = whole(w);
    snprintf(defines, sizeof defines, "#define DRIFT_JOIN 1\n#define CV %u\n", w->d.column_vectors);
    call c = {.what = "masses together", .knows = GAUSS, .defines = defines, .by_items = true};
    c.global[0] = pf__ceil_div(w->p, w->d.column_vectors * w->d.v);
    c.global[1] = (size_t)w->n.groups;
    c.global[2] = 1;
    add(&c, pf__workspace_read(w->parts));
    add(&c, pf__read(w->n.tau));
    add(&c, pf__workspace_write(w->column));
    add_sizes(&c, w, &all);
    add(&c, pf__u32((uint32_t)w->n.temperatures));
    add(&c, pf__u32(w->slices));
    return launch(w, &c, 1);
}

/* Coefficients of one temperature, or V itself. */
static pf_status make_weights(lowered *w, const block *b, uint32_t temperature, pf_value field) {
    enum { ROW_MOST = 8192 }; /* floats of an array that a core keeps near */
    char defines[96], of_row[32] = "";
    const bool in_place = !w->small && w->n.temperatures == 1;
    const uint32_t rows = w->d.cpu ? 16 : 1;
    if (w->d.cpu && w->p <= ROW_MOST) snprintf(of_row, sizeof of_row, "#define ROW %u\n", w->p);
    if (w->small)
        snprintf(defines, sizeof defines, "#define DRIFT_WEIGHTS 1\n#define SMALL %u\n%s", (uint32_t)w->n.dim,
                 of_row);
    else
        snprintf(defines, sizeof defines, "#define DRIFT_WEIGHTS 1\n%s%s",
                 in_place ? "#define INPLACE 1\n" : "", of_row);
    call c = {.what = w->small ? "field" : "weights", .knows = GAUSS | TWO_SIDED, .defines = defines};
    c.bytes = 4.0 * (in_place ? 2 : 1) * b->rows * b->groups * w->p;
    c.global[0] = pf__ceil_div(b->rows, rows);
    c.global[1] = 1;
    c.global[2] = b->groups;
    add(&c, pf__workspace_read(w->u));
    if (in_place) c.operand[0].kind = PF__OPERAND_UPDATE;
    add(&c, pf__workspace_read(w->weight));
    add(&c, pf__read(w->n.tau));
    if (w->n.two_sided) add(&c, pf__workspace_read(w->column));
    if (w->small) {
        add(&c, pf__workspace_read(w->panels));
        add(&c, pf__read(w->n.x));
        add(&c, pf__write(field));
    } else if (!in_place) {
        add(&c, pf__workspace_write(w->coefficients));
    }
    add_sizes(&c, w, b);
    add(&c, pf__u32(temperature));
    add(&c, pf__f32((float)sqrt(w->n.floor)));
    add(&c, pf__u32(rows));
    return launch(w, &c, w->d.lanes);
}

static pf_status make_field(lowered *w, const block *b, uint32_t temperature, pf_value field) {
    const double pairs = (double)b->rows * b->groups * w->p, dim = (double)w->n.dim;
    call c = {.what = "field", .flops = 2 * pairs * dim, .bytes = 4 * pairs};
    add(&c, pf__workspace_read(w->n.temperatures == 1 ? w->u : w->coefficients));
    add(&c, pf__workspace_read(w->columns));
    add(&c, pf__write(field));
    return tiles(w, &c, b, pf__ceil_div((uint32_t)w->n.dim, w->d.w), w->p, temperature,
                 "#define DRIFT_FIELD 1\n");
}

static pf_status make_sums(lowered *w, const block *b, pf_value out) {
    call c = {.what = "sums", .defines = "#define DRIFT_SUMS 1\n"};
    c.bytes = 4.0 * b->rows * b->groups * w->p;
    c.global[0] = b->rows;
    c.global[1] = 1;
    c.global[2] = b->groups;
    add(&c, pf__workspace_read(w->u));
    add(&c, pf__workspace_read(w->weight));
    add(&c, pf__write(out));
    add_sizes(&c, w, b);
    return launch(w, &c, w->d.lanes);
}

/* ---- blocks ---- */

/* Rows, or groups, that the workspace holds; the partial masses of columns are part of it. */
static pf_status choose_blocks(lowered *w) {
    const uint32_t rows = (uint32_t)w->n.x_count, tile = w->d.tile_rows;
    const uint64_t copies = !w->small && w->n.temperatures > 1 ? 2 : 1;
    const uint64_t row_bytes = 4ull * w->p * copies, limit = (uint64_t)w->n.workspace_bytes;
    const uint64_t slice_bytes = w->n.two_sided
                                     ? 4ull * w->p * (uint64_t)w->n.groups * (uint64_t)(1 + w->n.temperatures)
                                     : 0;
    const uint64_t group_bytes = row_bytes * pf__round_up(rows, tile);
    w->slice_rows = w->d.cpu ? rows : 256;
    if (group_bytes + slice_bytes * pf__ceil_div(rows, w->slice_rows) <= limit) {
        const uint64_t most = (limit - slice_bytes * pf__ceil_div(rows, w->slice_rows)) / group_bytes;
        w->block_rows = rows;
        w->block_groups = most < (uint64_t)w->n.groups ? (uint32_t)most : (uint32_t)w->n.groups;
        w->slices = pf__ceil_div(rows, w->slice_rows);
        return PF_OK;
    }
    w->block_groups = 1;
    for (uint32_t blocks = 2; blocks <= BLOCKS_MOST; blocks++) {
        w->block_rows = pf__round_up(pf__ceil_div(rows, blocks), tile);
        if (w->slice_rows > w->block_rows) w->slice_rows = w->block_rows;
        const uint32_t last = rows % w->block_rows;
        w->slices = rows / w->block_rows * pf__ceil_div(w->block_rows, w->slice_rows) +
                    pf__ceil_div(last, w->slice_rows);
        if (w->block_rows * row_bytes + w->slices * slice_bytes <= limit) return PF_OK;
        if (w->block_rows == tile) break;
    }
    const uint64_t least = tile * row_bytes + pf__ceil_div(rows, tile) * slice_bytes;
    pf_status st = pf__fail(w->l->err, PF_USAGE,
                            "drift: a workspace of %llu bytes holds no %u rows of distances to %u targets",
                            (unsigned long long)limit, tile, w->p);
    return pf__hint(w->l->err, st, "%llu bytes are enough", (unsigned long long)least);
}

/* Block number i, or false. */
static bool block_at(const lowered *w, uint32_t i, block *b) {
    const uint32_t rows = (uint32_t)w->n.x_count, groups = (uint32_t)w->n.groups;
    const uint32_t in_rows = pf__ceil_div(rows, w->block_rows), group = i / in_rows * w->block_groups;
    if (group >= groups) return false;
    b->group = group;
    b->groups = groups - group < w->block_groups ? groups - group : w->block_groups;
    b->row = i % in_rows * w->block_rows;
    b->rows = rows - b->row < w->block_rows ? rows - b->row : w->block_rows;
    b->padded_rows = pf__round_up(w->block_rows, w->d.tile_rows);
    return true;
}

static bool kept(const lowered *w) {
    block b;
    return !block_at(w, 1, &b);
}

static pf_status prepare(lowered *w) {
    const bool field = w->n.tau != 0;
    PF__TRY(choose_blocks(w));
    if (!w->small && (field || w->centred)) PF__TRY(make_centre(w));
    if (w->centred) PF__TRY(make_rows(w));
    PF__TRY(make_panels(w));
    if (field && !w->small) PF__TRY(make_columns(w));
    const uint64_t block_floats = (uint64_t)w->block_groups * pf__round_up(w->block_rows, w->d.tile_rows) *
                                  w->p;
    PF__TRY(w->l->workspace(w->l, block_floats, &w->u));
    if (field && !w->small && w->n.temperatures > 1)
        PF__TRY(w->l->workspace(w->l, block_floats, &w->coefficients));
    if (!field || !w->n.two_sided) return PF_OK;
    const uint64_t masses = (uint64_t)(1 + w->n.temperatures) * (uint64_t)w->n.groups * w->p;
    PF__TRY(w->l->workspace(w->l, w->slices * masses, &w->parts));
    return w->l->workspace(w->l, masses, &w->column);
}

static pf_status all_masses(lowered *w) {
    block b;
    const uint32_t of_block = pf__ceil_div(w->block_rows, w->slice_rows);
    for (uint32_t i = 0; block_at(w, i, &b); i++) {
        PF__TRY(make_distances(w, &b));
        PF__TRY(make_mass(w, &b, b.row / w->block_rows * of_block));
    }
    return join_masses(w);
}

static lowered begin(pf__lowering *l, const pf__node *n) {
    lowered w = {.l = l, .n = pf__drift_of(l->graph, n), .d = choose(l)};
    w.pn = pf__round_up((uint32_t)w.n.negative_count, w.d.w);
    w.p = w.pn + pf__round_up((uint32_t)w.n.positive_count, w.d.w);
    w.small = w.n.tau && w.n.dim <= SMALL_DIM;
    w.centred = w.n.dim > DIRECT_DIM;
    return w;
}

static pf_status lower(pf__lowering *l, const pf__node *n) {
    lowered w = begin(l, n);
    const pf_value out = n->first_output;
    block b;
    PF__TRY(prepare(&w));
    const bool again = !w.n.two_sided || !kept(&w);
    if (w.n.two_sided) PF__TRY(all_masses(&w));
    for (uint32_t i = 0; block_at(&w, i, &b); i++) {
        if (again) PF__TRY(make_distances(&w, &b));
        for (uint32_t t = 0; t < (uint32_t)w.n.temperatures; t++) {
            PF__TRY(make_weights(&w, &b, t, out));
            if (!w.small) PF__TRY(make_field(&w, &b, t, out));
        }
    }
    return PF_OK;
}

static pf_status lower_distance(pf__lowering *l, const pf__node *n) {
    lowered w = begin(l, n);
    block b;
    PF__TRY(prepare(&w));
    for (uint32_t i = 0; block_at(&w, i, &b); i++) {
        PF__TRY(make_distances(&w, &b));
        PF__TRY(make_sums(&w, &b, n->first_output));
    }
    return PF_OK;
}

/* Whether no work-item's loops are longer than the device allows: of 8 rows over all targets, of a column
 * over all rows, of a panel's packing, of the centre, and of one tile. */
static bool ends_in_time(const lowered *w) {
    const double most = 0.9 * w->l->device->iterations_max, t = (double)w->n.temperatures, p = w->p;
    const double dim = (double)w->n.dim, rows = (double)w->n.x_count;
    if (!w->l->device->iterations_max) return true;
    return 8 * (p / w->d.v + 1) * (4 + 8 * t) * (w->small ? 1 + dim : 1) < most &&
           3 * rows * (1 + t) < most && 128 * (dim + w->d.w) < most && p + rows < most &&
           (p > dim ? p : dim) * 3 < most;
}

/* Kernels count the elements of each tensor in 32 bits. */
static bool supports(const pf__lowering *l, const pf__node *n) {
    const lowered w = begin((pf__lowering *)l, n);
    const double groups = (double)w.n.groups, dim = (double)w.n.dim, most = UINT32_MAX;
    if (!ends_in_time(&w)) return false;
    if (w.n.negative_count + w.n.positive_count > INT32_MAX / 2 || w.n.x_count > INT32_MAX / 2) return false;
    if (groups * w.p * (dim + w.d.w) > most ||
        groups * (double)w.n.x_count * dim * (double)(w.n.temperatures + 1) > most)
        return false;
    return (double)w.n.workspace_bytes <= 4 * most && groups * w.p * (double)(1 + w.n.temperatures) <= most;
}

const pf__candidate pf__drift_candidates[] = {
    {.name = "blocks", .supports = supports, .lower = lower},
    {0},
};

const pf__candidate pf__drift_distance_candidates[] = {
    {.name = "blocks", .supports = supports, .lower = lower_distance},
    {0},
};
