/* SPDX-License-Identifier: MIT
 * The layout of the step block. */
#include "plan/step.h"

#include <string.h>

int pf__step_word(const char *input_name) {
    if (strncmp(input_name, "step/", 5) != 0) return -1;
#define PF__STEP_NAME(word, field, type) \
    if (strcmp(input_name + 5, #field) == 0) return word;
    PF__STEP_FIELDS(PF__STEP_NAME)
#undef PF__STEP_NAME
    return -1;
}

static uint32_t bits_f(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static uint32_t bits_u(uint32_t x) {
    return x;
}

void pf__step_pack(const pf__step_block *s, uint32_t *words) {
    memset(words, 0, PF__STEP_WORDS * sizeof *words);
    words[0] = (uint32_t)s->seed;
    words[1] = (uint32_t)(s->seed >> 32);
    words[2] = (uint32_t)s->first_sample;
    words[3] = (uint32_t)(s->first_sample >> 32);
#define PF__STEP_STORE(word, field, type) words[word] = bits_##type(s->field);
    PF__STEP_FIELDS(PF__STEP_STORE)
#undef PF__STEP_STORE
}
