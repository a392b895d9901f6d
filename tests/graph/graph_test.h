/* SPDX-License-Identifier: MIT
 * What the tests of graphs share: a generator of numbers and running a graph. */
#ifndef PF_TESTS_GRAPH_TEST_H
#define PF_TESTS_GRAPH_TEST_H

#include "check.h"
#include "graph/build.h"
#include "graph/graph.h"
#include "graph/op.h"

/* A linear congruential generator is enough for test data. */
static inline uint32_t test_next(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

static inline double test_between(uint64_t *state, double low, double high) {
    return low + (high - low) * ((double)test_next(state) + 0.5) / 0x1p31;
}

static inline int test_below(uint64_t *state, int n) {
    return (int)(test_next(state) % (uint32_t)n);
}

static inline void test_fill(uint64_t *state, double *data, size_t count, double low, double high) {
    for (size_t i = 0; i < count; i++) data[i] = test_between(state, low, high);
}

static inline pf_graph *test_graph(void) {
    pf_graph *g = NULL;
    pf_error error = {0};
    CHECK_OK(pf_graph_create(&g, &error), error);
    return g;
}

/* Runs the graph for one output. */
static inline void test_run(const pf_graph *g, pf_value v, const pf_binding *bindings, int count,
                            double *out) {
    pf_error error = {0};
    CHECK_OK(pf_interpret(g, &v, 1, bindings, count, 7, 0, &out, &error), error);
}

static inline int test_nodes(const pf_graph *g, const pf_value *outputs, int count) {
    bool *needed = pf__needed(g, outputs, count);
    int nodes = 0;
    for (uint32_t i = 0; i < g->node_count; i++) nodes += needed[i];
    free(needed);
    return nodes;
}

/* The graph has failed with this status and a message that holds this text; the graph is destroyed. */
#define CHECK_FAILS(g, wanted, part)                         \
    do {                                                     \
        pf_error check_error_ = {0};                         \
        CHECK_INT(pf_graph_check(g, &check_error_), wanted); \
        CHECK_CONTAINS(check_error_.message, part);          \
        pf_graph_destroy(&g);                                \
    } while (0)

#define CHECK_SHAPE(g, v, ...)                                                                               \
    do {                                                                                                     \
        pf_shape check_is_ = pf_value_shape(g, v), check_want_ = pf_shape_of(__VA_ARGS__);                   \
        char check_a_text_[PF__DESCRIBE_MAX], check_b_text_[PF__DESCRIBE_MAX];                               \
        int check_same_ = pf__shape_equal(&check_is_, &check_want_);                                         \
        if (!check_same_)                                                                                    \
            fprintf(stderr, "%s:%d: %s is %s, not %s\n", __FILE__, __LINE__, #v,                             \
                    pf__shape_text(&check_is_, check_a_text_), pf__shape_text(&check_want_, check_b_text_)); \
        CU_ASSERT(check_same_);                                                                              \
    } while (0)

#endif
