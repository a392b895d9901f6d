/* SPDX-License-Identifier: MIT
 * The options of [model]. */
#include "check.h"
#include "nn/net.h"

static pf_status make(const char *text, pf__net *net, pf_error *err) {
    pf__config *config = NULL;
    pf_shape sample = pf_shape_of(3, 4, 5, 1);
    pf__needs needs = {.condition_count = 2, .head_count = 1};
    PF__TRY(pf__config_create(&config, err));
    pf_status st = pf__config_read_text(config, text, "test", err);
    if (st == PF_OK) st = pf__config_add_table(config, pf__model_options, err);
    if (st == PF_OK) st = pf__config_resolve(config, err);
    if (st == PF_OK) st = pf__net_create(net, config, &sample, 10, &needs, err);
    pf__config_destroy(&config);
    return st;
}

static void test_defaults(void) {
    pf_error err = {0};
    pf__net net;
    CHECK_OK(make("", &net, &err), err);
    CHECK_INT(net.width, 256);
    CHECK_INT(net.depth, 4);
    CHECK_INT(net.embed, 16);
    CU_ASSERT(!net.residual);
    CHECK_INT(net.condition_count, 2);
    CHECK_INT(net.head_count, 1);
    CHECK_INT(net.class_count, 10);
    CHECK_INT(pf_shape_count(&net.sample), 20);
    CU_ASSERT_STRING_EQUAL(net.kind, "mlp");
}

static void test_given(void) {
    pf_error err = {0};
    pf__net net;
    CHECK_OK(make("[model]\nwidth = 32\ndepth = 3\nembed = 6\nresidual = true\n", &net, &err), err);
    CHECK_INT(net.width, 32);
    CHECK_INT(net.depth, 3);
    CHECK_INT(net.embed, 6);
    CU_ASSERT(net.residual);
}

static void test_refused(void) {
    pf_error err = {0};
    pf__net net;
    CHECK_INT(make("[model]\nembed = 7\n", &net, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "model.embed");
    CHECK_CONTAINS(err.hint, "8");
    CHECK_INT(make("[model]\nkind = transformer\n", &net, &err), PF_USAGE);
    CHECK_INT(make("[model]\nwidth = 0\n", &net, &err), PF_USAGE);
}

void test_net_suite(void) {
    CU_pSuite suite = CU_add_suite("net", NULL, NULL);
    CU_add_test(suite, "defaults", test_defaults);
    CU_add_test(suite, "given values", test_given);
    CU_add_test(suite, "what is refused", test_refused);
}
