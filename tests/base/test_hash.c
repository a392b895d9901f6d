/* SPDX-License-Identifier: MIT
 * Known answers of XXH64 and SHA-256. */
#include "base/hash.h"
#include "check.h"

static void test_hash64(void) {
    CU_ASSERT_EQUAL(pf__hash64("", 0, 0), 0xEF46DB3751D8E999u);
    CU_ASSERT_EQUAL(pf__hash64("abc", 3, 0), 0x44BC2CF5AD770999u);
    CU_ASSERT_NOT_EQUAL(pf__hash64("abc", 3, 1), pf__hash64("abc", 3, 0));
}

static void test_sha256(void) {
    char hex[65];
    pf__sha256_end(pf__sha256_begin(), hex);
    CU_ASSERT_STRING_EQUAL(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    pf__sha256 *s = pf__sha256_begin();
    pf__sha256_add(s, "a", 1);
    pf__sha256_add(s, NULL, 0);
    pf__sha256_add(s, "bc", 2);
    pf__sha256_end(s, hex);
    CU_ASSERT_STRING_EQUAL(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    s = pf__sha256_begin();
    for (int i = 0; i < 1000; i++) {
        char block[1000];
        memset(block, 'a', sizeof block);
        pf__sha256_add(s, block, sizeof block);
    }
    pf__sha256_end(s, hex);
    CU_ASSERT_STRING_EQUAL(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    pf__sha256_end(pf__sha256_begin(), NULL);
    pf__sha256_end(NULL, hex);
    CU_ASSERT_STRING_EQUAL(hex, "");
}

void test_hash_suite(void) {
    CU_pSuite s = CU_add_suite("hash", NULL, NULL);
    CU_add_test(s, "XXH64", test_hash64);
    CU_add_test(s, "SHA-256", test_sha256);
}
