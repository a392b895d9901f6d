/* SPDX-License-Identifier: MIT
 * What the program does with an HDF5 file that opens; for the targets that make one of bytes and those that
 * make one after a recipe. */
#ifndef PF_TESTS_FUZZ_USE_H
#define PF_TESTS_FUZZ_USE_H

#include "recipe.h"

/** Opens, describes, reads and checks a data set. */
void use_dataset(const char *path);
/** Opens and describes a checkpoint, reads its tensors, resolves its configuration, loads its network. */
void use_checkpoint(const char *path);

/** What the smallest good data set and checkpoint hold. */
extern const recipe_member use_dataset_table[], use_checkpoint_table[];
extern const int use_dataset_count, use_checkpoint_count;
/** Writes a checkpoint after a recipe; unless the first byte's top bit is set its content hash is right. */
void use_write_checkpoint(const char *path, fuzz_part edits);

#endif
