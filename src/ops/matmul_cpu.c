/* SPDX-License-Identifier: MIT
 * The matrix product for CPU devices. Kernels: cl/matmul.cl.
 *
 *   pack B (weights, so that a register tile reads one stream) ─▶ tiles over a grid of macro tiles ─▶ C
 *   long K, small C: S slices of K side by side ─▶ workspace [S][C] ─▶ added in order ─▶ C
 *
 * The slices depend on the shape alone, never on the count of cores; macro tiles do, and change no bits. */
#include "ops/matmul_private.h"
#include <stdio.h>

#define KC          256u  /* rows of B in one pass */
#define GROUP_FLOPS 1.0e5 /* a work-group below this costs more to start than it computes */

/* The register tile: as many accumulators as the registers hold (32 of 16 floats, 16 of 8 or 4). */
typedef struct tile {
    uint32_t v, rows, vectors;
    uint32_t columns; /* vectors * v */
} tile;

typedef enum a_form { A_ROWS, A_COLUMNS, A_PANELS } a_form;

typedef struct design {
    tile t;
    a_form a;
    bool b_panels;
    uint32_t mc, nc;         /* macro tile */
    uint32_t slices, k_step; /* of K */
    uint32_t c_step;         /* from slice to slice */
} design;

static tile choose_tile(const pf__lowering *l, const pf__product *p) {
    tile t = {.v = 4, .rows = 4, .vectors = 2};
    if (l->device->vector_width >= 16)
        t = (tile){.v = 16, .rows = 8, .vectors = 2};
    else if (l->device->vector_width >= 8)
        t = (tile){.v = 8, .rows = 6, .vectors = 2};
    if (p->n <= t.v) t.vectors = 1;
    t.columns = t.v * t.vectors;
    return t;
}

/* Loop iterations of a register tile over `depth` rows of B, at most: the passes, and the copies of an edge.
 */
static uint32_t tile_iterations(const tile *t, uint32_t depth) {
    return depth + pf__ceil_div(depth, KC) * (2 * t->rows * (t->columns + 1) + 1);
}

/* Rows of B for which a tile stays within what the device allows a work-item. */
static uint32_t deepest(const pf__lowering *l, const tile *t) {
    const uint32_t most = l->device->iterations_max;
    return most ? most / 4 * 3 / tile_iterations(t, KC) * KC : UINT32_MAX;
}

/* Slices of K where C has too few macro tiles of 128 x 256 to occupy a machine; at least 512 rows each. */
static void choose_slices(const pf__lowering *l, const pf__product *p, design *d) {
    uint64_t tiles = (uint64_t)pf__ceil_div(p->m, 128) * pf__ceil_div(p->n, 256) * p->batch;
    uint32_t slices = tiles >= 32 ? 1 : 32 / (uint32_t)tiles;
    if (slices > p->k / 512) slices = p->k / 512;
    if (slices < pf__ceil_div(p->k, deepest(l, &d->t))) slices = pf__ceil_div(p->k, deepest(l, &d->t));
    if (slices < 1) slices = 1;
    d->k_step = slices == 1 ? p->k : pf__round_up(pf__ceil_div(p->k, slices), 16);
    d->slices = pf__ceil_div(p->k, d->k_step);
    d->c_step = pf__round_up(p->batch * p->m * p->n, 16);
}

static double group_count(const pf__product *p, const design *d) {
    return (double)pf__ceil_div(p->m, d->mc) * pf__ceil_div(p->n, d->nc) * p->batch * d->slices;
}

/* Whether smaller work-groups are wanted: there are too few, and they would not be too small; or one has more
 * to do than the device allows a work-item. */
static bool too_large(const pf__lowering *l, const pf__product *p, const design *d) {
    double enough = 4.0 * l->device->compute_units, groups = group_count(p, d);
    enough = enough < 32 ? 32 : enough > 256 ? 256 : enough;
    const double tiles = (double)(d->mc / d->t.rows) * (d->nc / d->t.columns + 1.0);
    const double iterations = tiles * (tile_iterations(&d->t, d->k_step) + 1.0);
    if (l->device->iterations_max && iterations > 0.9 * l->device->iterations_max) return true;
    return groups < enough && p->flops / groups > 2 * GROUP_FLOPS;
}

static void choose_macro(const pf__lowering *l, const pf__product *p, design *d) {
    const tile *t = &d->t;
    d->mc = pf__round_up(p->m < 128 ? p->m : 128, t->rows);
    d->nc = pf__round_up(p->n < 1024 ? p->n : 1024, t->columns);
    while (too_large(l, p, d)) {
        if (d->mc > 4 * t->rows)
            d->mc = pf__round_up(pf__ceil_div(d->mc, 2), t->rows);
        else if (d->nc > t->columns)
            d->nc = pf__round_up(pf__ceil_div(d->nc, 2), t->columns);
        else if (d->mc > t->rows)
            d->mc = pf__round_up(pf__ceil_div(d->mc, 2), t->rows);
        else
            break;
    }
}

static design choose(const pf__lowering *l, const pf__product *p) {
    design d = {.t = choose_tile(l, p)};
    const uint32_t few_rows = p->transpose_a ? 256
                                             : 128; /* B is passed over too seldom to be worth packing */
    d.b_panels = p->transpose_b || (p->n > d.t.columns && p->m > few_rows);
    d.a = !p->transpose_a ? A_ROWS : p->m <= 256 ? A_COLUMNS : A_PANELS;
    choose_slices(l, p, &d);
    choose_macro(l, p, &d);
    return d;
}

/* source [batch, depth, width] (or [batch, width, depth]) into panels of `columns`; *panels: the workspace.
 */
static pf_status pack(pf__lowering *l, pf_value source, uint32_t batch, uint32_t width, uint32_t depth,
                      bool transposed, uint32_t columns, uint32_t *panels) {
    const uint32_t count = pf__ceil_div(width, columns);
    /* an item reads pieces of rows of about 1 KB, and writes a panel's rows in turn */
    const uint32_t rows = transposed ? 256 : 64, at_once = transposed ? 1 : pf__ceil_div(256, columns);
    const double elements = (double)batch * width * depth;
    PF__TRY(l->workspace(l, (uint64_t)batch * count * columns * depth, panels));
    char label[64], defines[128];
    snprintf(label, sizeof label, "matmul pack %ux%u", depth, width);
    snprintf(defines, sizeof defines, "#define MATMUL_PACK 1\n#define W %u\n#define KP %u\n#define NP %u\n%s",
             columns, rows, at_once, transposed ? "#define TRANSPOSED 1\n" : "");
    const pf__operand operands[] = {pf__read(source), pf__workspace_write(*panels), pf__u32(width),
                                    pf__u32(depth)};
    const pf__step_desc step = {
        .label = label,
        .file = "matmul.cl",
        .defines = defines,
        .dims = 3,
        .global = {pf__ceil_div(count, at_once), pf__ceil_div(depth, rows), batch},
        .local = {1, 1, 1},
        .operands = operands,
        .operand_count = sizeof operands / sizeof *operands,
        .bytes = 8.0 * elements,
    };
    return l->kernel(l, &step);
}

/* twin: NULL, or a second product of the same B. */
static pf_status tiles(pf__lowering *l, const pf__product *p, const pf__product *twin, const design *d,
                       pf__operand a, pf__operand b, pf__operand c) {
    static const char *const forms[] = {"", "#define A_COLUMNS 1\n", "#define A_PANELS 1\n"};
    const tile *t = &d->t;
    char defines[192];
    snprintf(defines, sizeof defines,
             "#define MATMUL_TILES 1\n#define V %u\n#define MR %u\n#define NV %u\n#define KC %u\n%s%s%s",
             t->v, t->rows, t->vectors, KC, forms[d->a], d->b_panels ? "#define B_PANELS 1\n" : "",
             twin ? "#define PAIR 1\n" : "");
    const uint32_t a_width = d->a == A_PANELS ? pf__round_up(p->m, t->rows) : p->m;
    const uint32_t b_width = d->b_panels ? pf__round_up(p->n, t->columns) : p->n;
    const pf__operand operands[] = {
        a,
        b,
        c,
        pf__u32(p->m),
        pf__u32(p->n),
        pf__u32(p->k),
        pf__u32(d->mc),
        pf__u32(d->nc),
        pf__u32(d->k_step),
        pf__u32(p->batch),
        pf__u32(a_width * p->k),
        pf__u32(b_width * p->k),
        pf__u32(d->c_step),
        twin ? pf__read(twin->a) : pf__u32(0), /* the last three: PAIR only */
        twin ? pf__write(twin->c) : pf__u32(0),
        pf__u32(twin ? twin->m : 0),
    };
    const int count = sizeof operands / sizeof *operands;
    const uint32_t more = twin ? pf__ceil_div(twin->m, d->mc) : 0;
    const pf__step_desc step = {
        .label = p->label,
        .file = "matmul.cl",
        .defines = defines,
        .dims = 3,
        .global = {pf__ceil_div(p->n, d->nc), pf__ceil_div(p->m, d->mc) + more, (size_t)p->batch * d->slices},
        .local = {1, 1, 1},
        .operands = operands,
        .operand_count = twin ? count : count - 3,
        .flops = p->flops + (twin ? twin->flops : 0),
        .bytes = p->bytes + (twin ? twin->bytes : 0),
    };
    return l->kernel(l, &step);
}

static pf_status add_slices(pf__lowering *l, const pf__product *p, const design *d, uint32_t partial) {
    const uint32_t count = p->batch * p->m * p->n, chunk = 1024;
    char label[64], defines[64];
    snprintf(label, sizeof label, "matmul add %u slices of %u", d->slices, count);
    snprintf(defines, sizeof defines, "#define MATMUL_ADD 1\n#define V %u\n", d->t.v);
    const pf__operand operands[] = {
        pf__workspace_read(partial), pf__write(p->c),    pf__u32(count),
        pf__u32(d->slices),          pf__u32(d->c_step), pf__u32(chunk),
    };
    const pf__step_desc step = {
        .label = label,
        .file = "matmul.cl",
        .defines = defines,
        .dims = 1,
        .global = {pf__ceil_div(count, chunk), 1, 1},
        .local = {1, 1, 1},
        .operands = operands,
        .operand_count = sizeof operands / sizeof *operands,
        .flops = (double)count * (d->slices - 1),
        .bytes = 4.0 * count * (d->slices + 1.0),
    };
    return l->kernel(l, &step);
}

/* Panels are indexed by 32 bits too. */
bool pf__matmul_cpu_supports(const pf__lowering *l, const pf__node *n) {
    const pf__product p = pf__product_of(l->graph, n);
    const double depth = (double)p.batch * p.k;
    return depth * (p.m + 8.0) < UINT32_MAX && depth * (p.n + 32.0) < UINT32_MAX;
}

pf_status pf__matmul_cpu(pf__lowering *l, const pf__node *n) {
    const pf__product p = pf__product_of(l->graph, n);
    const design d = choose(l, &p);
    pf__operand a = pf__read(p.a), b = pf__read(p.b), c = pf__write(p.c);
    uint32_t workspace;
    if (d.a == A_PANELS) {
        PF__TRY(pack(l, p.a, p.batch, p.m, p.k, false, d.t.rows, &workspace));
        a = pf__workspace_read(workspace);
    }
    if (d.b_panels) {
        PF__TRY(pack(l, p.b, p.batch, p.n, p.k, p.transpose_b, d.t.columns, &workspace));
        b = pf__workspace_read(workspace);
    }
    if (d.slices > 1) {
        PF__TRY(l->workspace(l, (uint64_t)d.slices * d.c_step, &workspace));
        c = pf__workspace_write(workspace);
    }
    PF__TRY(tiles(l, &p, NULL, &d, a, b, c));
    return d.slices > 1 ? add_slices(l, &p, &d, workspace) : PF_OK;
}

/* ---- pairs ---- */

/* Both as one product, for everything that depends on sizes. */
static pf__product whole(const pf__product *p, const pf__product *twin) {
    pf__product both = *p;
    both.m += twin->m;
    both.flops += twin->flops;
    return both;
}

bool pf__matmul_cpu_pairs(const pf__lowering *l, const pf__node *n, const pf__node *twin) {
    const pf__product p = pf__product_of(l->graph, n), q = pf__product_of(l->graph, twin),
                      both = whole(&p, &q);
    if (p.transpose_a || q.transpose_a || p.batch > 1 || q.batch > 1) return false;
    return (double)both.k * (both.m + 8.0) < UINT32_MAX && choose(l, &both).slices == 1;
}

pf_status pf__matmul_cpu_pair(pf__lowering *l, const pf__node *n, const pf__node *twin) {
    pf__product p = pf__product_of(l->graph, n);
    const pf__product q = pf__product_of(l->graph, twin), both = whole(&p, &q);
    const design d = choose(l, &both);
    pf__operand b = pf__read(p.b);
    uint32_t workspace;
    snprintf(p.label, sizeof p.label, "matmul n%c (%u+%u)x%ux%u", p.transpose_b ? 't' : 'n', p.m, q.m, p.n,
             p.k);
    if (d.b_panels) {
        PF__TRY(pack(l, p.b, 1, p.n, p.k, p.transpose_b, d.t.columns, &workspace));
        b = pf__workspace_read(workspace);
    }
    return tiles(l, &p, &q, &d, pf__read(p.a), b, pf__write(p.c));
}
