/* SPDX-License-Identifier: MIT
 * The inside of a graph: nodes in creation order (inputs always before users), values, interned names.
 *
 *   values[v] -> node, output index, dtype, shape        value 0 = the symbolic zero (values[0], node 0,
 * unused) nodes[n]  -> op, links[input .. input+input_count), outputs are the consecutive values first_output
 * ...
 *
 * Nodes are hash-consed: asking for an equal node (op, inputs, attributes) returns the one that exists. */
#ifndef PF__GRAPH_GRAPH_H
#define PF__GRAPH_GRAPH_H

#include "base/error.h"
#include "pushforward/graph.h"

/* X(id, name): one row of the table of operations each; rows are defined in ops/, the table in ops/table.c.
 */
/* clang-format off */
#define PF__OPS(X)                                                                                           \
    X(ZERO, "zero")       /* node 0 */                                                                       \
    X(INPUT, "input")     /* attr.name */                                                                    \
    X(PARAMETER, "parameter") /* attr.name = path, attr.group */                                             \
    X(CONSTANT, "constant") /* attr.number */                                                                \
    X(IOTA, "iota")       /* attr.axis */                                                                    \
    X(RANDOM, "random")   /* attr.name = stream, attr.kind = pf__random_kind */                              \
    X(MAP, "map")         /* attr.kind = pf__scalar: all inputs and the output have one shape */             \
    X(RESHAPE, "reshape")                                                                                    \
    X(PERMUTE, "permute") /* attr.a[i] = order */                                                            \
    X(SLICE, "slice")     /* attr.a = start, attr.b = stop */                                                \
    X(PAD, "pad")         /* attr.a = before, attr.b = after */                                              \
    X(CONCAT, "concat")   /* attr.axis */                                                                    \
    X(BROADCAST, "broadcast") /* input and output have the same rank; dimensions of 1 are repeated */        \
    X(SUM, "sum")         /* attr.axes: contiguous axes, kept as dimensions of 1 */                          \
    X(ROW_MAX, "row_max") /* likewise */                                                                     \
    X(MATMUL, "matmul")   /* attr.transpose_a, attr.transpose_b */                                           \
    X(GATHER, "gather")   /* inputs: table, index */                                                         \
    X(GATHER_ADJOINT, "gather_adjoint") /* inputs: source, index */                                          \
    X(DRIFT, "drift")     /* drift.c; attr.kind = pf__drift_kind */                                          \
    X(DRIFT_DISTANCE, "drift_distance")                                                                      \
    X(STOP_GRADIENT, "stop_gradient")
/* clang-format on */

typedef enum pf__op_id {
#define PF__OP_ENUM(id, name) PF__OP_##id,
    PF__OPS(PF__OP_ENUM)
#undef PF__OP_ENUM
        PF__OP_COUNT
} pf__op_id;

/* The bits of a drift's attr.kind; attr.number is its floor, attr.a[0] the bytes of its workspace. */
typedef enum pf__drift_kind {
    PF__DRIFT_TWO_SIDED = 1,
    PF__DRIFT_GAUSS = 2,
    PF__DRIFT_OWN = 4,   /* the generated samples are negatives */
    PF__DRIFT_MASKED = 8 /* but never of themselves */
} pf__drift_kind;

typedef enum pf__random_kind { PF__RANDOM_NORMAL, PF__RANDOM_UNIFORM, PF__RANDOM_BITS } pf__random_kind;

/* The scalar functions of MAP: X(id, arity, C in double of a b c, OpenCL C text of %a %b %c on vectors of
 * type V). The OpenCL texts are used by the code generator: V is floatN, I the intN, U the uintN of the same
 * width, F(x) a constant of type V. Comparisons yield V 1 or 0. Derivatives: graph/derivative.c. */
typedef enum pf__scalar {
    PF__ADD,
    PF__SUB,
    PF__MUL,
    PF__DIV,
    PF__MIN,
    PF__MAX,
    PF__NEG,
    PF__ABS,
    PF__FLOOR,
    PF__EXP,
    PF__LOG,
    PF__LOG1P,
    PF__SQRT,
    PF__RSQRT,
    PF__RECIP,
    PF__SIN,
    PF__COS,
    PF__ATAN,
    PF__TANH,
    PF__ERF,
    PF__SIGMOID,
    PF__LESS,
    PF__LESS_EQUAL,
    PF__EQUAL,
    PF__SELECT,
    PF__CAST,
    PF__AND,
    PF__SHIFT_RIGHT,
    PF__MUL_HIGH,
    PF__SCALAR_COUNT
} pf__scalar;

/** "add", ... and the number of inputs. */
const char *pf__scalar_name(pf__scalar s);
int pf__scalar_arity(pf__scalar s);
/** In double; integers are exact in it. */
double pf__scalar_evaluate(pf__scalar s, pf_dtype out, double a, double b, double c);

typedef struct pf__attr {
    int64_t a[PF_RANK_MAX], b[PF_RANK_MAX];
    double number;
    const char *name, *group; /* interned in the graph: equal texts are equal pointers */
    uint32_t axes;
    int axis, kind;
    bool transpose_a, transpose_b;
} pf__attr; /* zero-initialised before use: compared and hashed as bytes */

typedef struct pf__node {
    pf__op_id op;
    uint32_t input, input_count;         /* in graph->links */
    uint32_t first_output, output_count; /* values */
    pf__attr attr;
} pf__node;

typedef struct pf__value {
    uint32_t node, output;
    pf_dtype dtype;
    pf_shape shape;
} pf__value;

struct pf_graph {
    pf__node *nodes;
    uint32_t node_count, node_capacity;
    pf__value *values;
    uint32_t value_count, value_capacity;
    pf_value *links;
    uint32_t link_count, link_capacity;
    uint32_t *table; /* open addressing: node index + 1 */
    uint32_t table_capacity;
    char **names; /* interned */
    uint32_t name_count, name_capacity;
    pf_error error; /* sticky */
    bool merging;   /* within pf__simplify: constructors look through their operands */
};

/** Appends a node (or finds its equal) with one output of the given type and shape; returns the output. The
 * constructors' common end. */
pf_value pf__emit(pf_graph *g, pf__op_id op, const pf_value *inputs, uint32_t input_count,
                  const pf__attr *attr, pf_dtype dtype, const pf_shape *shape);
const char *pf__intern(pf_graph *g, const char *text);
/** Records the first error; returns 0, the symbolic zero. */
pf_value pf__graph_fail(pf_graph *g, pf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** A MAP node on inputs of one shape. */
pf_value pf__map(pf_graph *g, pf__scalar s, pf_dtype dtype, const pf_value *inputs);

static inline const pf__node *pf__node_of(const pf_graph *g, pf_value v) {
    return &g->nodes[g->values[v].node];
}
static inline const pf_value *pf__inputs(const pf_graph *g, const pf__node *n) {
    return &g->links[n->input];
}
static inline bool pf__failed(const pf_graph *g) {
    return g->error.status != PF_OK;
}

/** Replaces outputs by equal values of fewer operations: views merged, scalars pulled together, broadcasts
 * moved outwards, pads joined, stop_gradient gone. Leaves stay themselves. To be called once, after all
 * derivatives: the result may pass by values in the middle of the graph, which is why the constructors
 * themselves never look through an operand (a derivative with respect to it would be lost). */
pf_status pf__simplify(pf_graph *g, pf_value *outputs, int count);

/** marks[node] = true for every node that the outputs need. malloc; NULL when out of memory. */
bool *pf__needed(const pf_graph *g, const pf_value *outputs, int count);

#endif
