/* SPDX-License-Identifier: MIT
 * Writes the seeds of all fuzz targets: small samples that are right, and some that nearly are.
 *   fuzz_seeds FOLDER        FOLDER/<noun>/<name> */
#include "pushforward/draw.h"
#include "use.h"
#include <sys/stat.h>
#include <zlib.h>

enum { SEED_MAX = 1 << 16 };

/* An input under construction. */
struct seed {
    uint8_t data[SEED_MAX];
    size_t size;
};

static const char *folder;
static const char *noun;

static void begin_noun(const char *name) {
    char path[1024];
    noun = name;
    snprintf(path, sizeof path, "%s/%s", folder, noun);
    mkdir(path, 0755);
}

static void save(const char *name, struct seed *s) {
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s", folder, noun, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(s->data, 1, s->size, file) != s->size || fclose(file) != 0) {
        fprintf(stderr, "%s: cannot write\n", path);
        exit(1);
    }
    s->size = 0;
}

static void add(struct seed *s, const void *data, size_t size) {
    if (size > SEED_MAX - s->size) {
        fprintf(stderr, "a seed of %s is too long\n", noun);
        exit(1);
    }
    if (size) memcpy(s->data + s->size, data, size);
    s->size += size;
}

static void add_text(struct seed *s, const char *text) {
    add(s, text, strlen(text));
}

/* `count` bytes first, first + 1, ... */
static void add_ramp(struct seed *s, int count, int first) {
    for (int i = 0; i < count; i++) add(s, &(uint8_t){(uint8_t)(first + i)}, 1);
}

static void mark(struct seed *s) {
    add_text(s, FUZZ_MARK);
}

/* All of it compressed by gzip. */
static void compress_seed(struct seed *s) {
    static uint8_t out[SEED_MAX];
    z_stream z = {.next_in = s->data, .avail_in = (unsigned)s->size, .next_out = out, .avail_out = SEED_MAX};
    if (deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        exit(1);
    s->size = 0;
    add(s, out, z.total_out);
    deflateEnd(&z);
}

/* ---- IDX ---- */

static void add_idx(struct seed *s, int rank, const int *dim, int elements) {
    add(s, &(uint8_t[4]){0, 0, 8, (uint8_t)rank}, 4);
    for (int i = 0; i < rank; i++) add(s, &(uint8_t[4]){0, 0, (uint8_t)(dim[i] >> 8), (uint8_t)dim[i]}, 4);
    for (int i = 0; i < elements; i++) add(s, &(uint8_t){(uint8_t)(rank == 1 ? i % 3 : 37 * i)}, 1);
}

static void idx_seeds(void) {
    struct seed s = {0};
    begin_noun("idx");
    add_idx(&s, 3, (int[]){4, 3, 2}, 24);
    save("images", &s);
    add_idx(&s, 2, (int[]){5, 7}, 35);
    save("rows", &s);
    add_idx(&s, 4, (int[]){2, 2, 2, 3}, 24);
    compress_seed(&s);
    save("color.gz", &s);
    add_idx(&s, 3, (int[]){4, 3, 2}, 23);
    save("short", &s);
    add_idx(&s, 1, (int[]){4}, 4);
    save("labels", &s);
    add_idx(&s, 3, (int[]){12, 2, 2}, 48);
    mark(&s);
    add_idx(&s, 1, (int[]){12}, 12);
    save("pair", &s);
    mark(&s);
    mark(&s);
    add_idx(&s, 3, (int[]){6, 2, 2}, 24);
    mark(&s);
    add_idx(&s, 1, (int[]){6}, 6);
    save("test-only", &s);
    for (int i = 0; i < 2; i++) {
        if (i) mark(&s);
        add_idx(&s, 3, (int[]){6, 2, 2}, 24);
        mark(&s);
        add_idx(&s, 1, (int[]){6}, 6);
    }
    save("both", &s);
    add_text(&s, "PK\3\4 is a zip");
    save("zip", &s);
    add(&s, "\0\0\x0d\3\0\0\0\1\0\0\0\1\0\0\0\1\0\0\x80\x3f", 20);
    save("floats", &s);
    add(&s, "\0\0\x08\3\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\1\0\0\x80\x3f", 20);
    save("huge", &s);
    add(&s, "\0\0\x08\2\xff\xff\xff\xff\0\0\0\1\0\0", 14);
    mark(&s);
    add(&s, "\0\0\x08\1\xff\xff\xff\xff\0\0", 10);
    save("huge-labels", &s);
}

/* ---- tables ---- */

static void csv_seeds(void) {
    static const char *const text[][2] = {
        {"plain", "1,2\n3,4\n-5.5,6e-3\n7,8\n"},
        {"names", "a,b,label\n0.5,1,0\n0.25,2,1\n.125,3,2\n1,2,0\n"},
        {"numpy", "# x y\n1;2\n3;4\n"},
        {"tabs", "\"a\"\t\"y\"\r\n1\t0\r\n\r\n2\t1\r\n"},
        {"comma", "1,5;2\n3,5;4\n"},
        {"bom", "\xef\xbb\xbf"
                "1,2\n3,4\n"},
        {"nan", "1,nan\n2,inf\n"},
        {"ragged", "1,2\n3\n4,5,6\n"},
        {"label", "x,class\n1,65536\n2,-1\n3,1.5\n"},
        {"big", "1e39,0x1p3\n-1e-50,1e400\n"},
        {"empty", ""},
        {"blank", " \n\t\n\n1\n"},
        {"only-names", "a,b,c\n"},
        {"only-label", "label\n1\n"},
        {"quotes", "\"1\",\" 2 \",\"\n\"3,4\"\n"},
    };
    struct seed s = {0};
    begin_noun("csv");
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        add_text(&s, text[i][1]);
        save(text[i][0], &s);
    }
    add_text(&s, "1,2\n3,4\n5,6\n");
    compress_seed(&s);
    save("plain.gz", &s);
    add(&s, "1,\0002\n", 5);
    save("zero", &s);
}

/* ---- NumPy ---- */

static void add_npy(struct seed *s, int version, const char *dictionary, int bytes) {
    size_t n = strlen(dictionary);
    add(s, "\x93NUMPY", 6);
    add(s, &(uint8_t[4]){(uint8_t)version, 0, (uint8_t)n, (uint8_t)(n >> 8)}, 4);
    if (version > 1) add(s, "\0\0", 2);
    add_text(s, dictionary);
    add_ramp(s, bytes, 0);
}

static void add_array(struct seed *s, const char *type, const char *shape, int bytes) {
    char text[256];
    snprintf(text, sizeof text, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }          \n", type,
             shape);
    add_npy(s, 1, text, bytes);
}

static void npy_seeds(void) {
    static const struct {
        const char *name, *type, *shape;
        int bytes;
    } row[] = {
        {"f4", "<f4", "4, 3", 48},
        {"f8", ">f8", "3, 2", 48},
        {"f2", "<f2", "8,", 16},
        {"i8", "<i8", "2, 1", 16},
        {"b1", "|b1", "4, 2", 8},
        {"u1", "|u1", "4, 2, 3", 24},
        {"color", "|u1", "2, 2, 2, 3", 24},
        {"channels-first", "|u1", "2, 3, 8, 8", 384},
        {"scalar", "<f4", "", 4},
        {"short", "<f4", "4, 3", 47},
        {"long", "<f4", "4, 3", 49},
        {"empty", "<f4", "0, 3", 0},
        {"huge", "<f4", "99999999999, 99999999999", 12},
        {"wide", "<f4", "1, 268435456", 12},
        {"rank9", "|u1", "1, 1, 1, 1, 1, 1, 1, 1, 1", 1},
        {"text", "<U8", "4,", 128},
        {"record", "[('a', '<f4')]", "4,", 16},
    };
    struct seed s = {0};
    begin_noun("npy");
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        add_array(&s, row[i].type, row[i].shape, row[i].bytes);
        save(row[i].name, &s);
    }
    add_npy(&s, 2, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", 16);
    save("version2", &s);
    add_npy(&s, 1, "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }\n", 16);
    save("fortran", &s);
    add_npy(&s, 1, "{'shape': (2, 2L)", 16);
    save("cut", &s);
    add_array(&s, "<f4", "2, 2", 16);
    compress_seed(&s);
    save("gzip", &s);
}

static void npz_seeds(void) {
    struct seed s = {0};
    begin_noun("npz");
    add_array(&s, "<f4", "4, 3", 48);
    save("x", &s);
    add_array(&s, "|u1", "4, 3", 12);
    mark(&s);
    add_array(&s, "|u1", "4,", 4);
    save("x-y", &s);
    for (int i = 0; i < 2; i++) {
        if (i) mark(&s);
        add_array(&s, "|u1", "3, 2, 2", 12);
        mark(&s);
        add_array(&s, "<i4", "3,", 0);
        add(&s, "\2\0\0\0\1\0\0\0\0\0\0", 12);
    }
    save("both", &s);
    add_array(&s, "<f4", "2, 3", 24);
    mark(&s);
    mark(&s);
    add_array(&s, "<f4", "1, 3", 12);
    save("test", &s);
    add_array(&s, "<f4", "4, 3", 48);
    mark(&s);
    add_array(&s, "<f8", "4, 1", 32);
    save("not-whole", &s);
    add_array(&s, "|u1", "1099511627776, 1", 2);
    mark(&s);
    add_array(&s, "|u1", "1099511627776", 2);
    save("huge", &s);
    add(&s, "PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22);
    save("empty.zip", &s);
    add(&s, "PK\3\4\x14\0\0\0\0\0\0\0\x21\0\0\0\0\0\4\0\0\0\4\0\0\0\5\0\0\0x.npyabcd", 39);
    save("cut.zip", &s);
}

/* ---- CIFAR ---- */

static void cifar_seeds(void) {
    struct seed s = {0};
    begin_noun("cifar");
    for (int how = 1; how <= 2; how++) {
        uint8_t first = (uint8_t)how;
        add(&s, &first, 1);
        add(&s, "\0\1\3pixels", 9);
        mark(&s);
        add(&s, "\5\1\7pixels", 9);
        mark(&s);
        add(&s, "\10\0cat\ndog\na\nb\nc\nd\ne\nf\ng\nh\n", 27);
        save(how == 1 ? "ten" : "ten.tar", &s);
        add(&s, &first, 1);
        add(&s, "\6\3\3\x14pixels", 10);
        mark(&s);
        add(&s, "\7\7\7\x15pixels", 10);
        save(how == 1 ? "hundred" : "hundred.tar", &s);
        add(&s, &first, 1);
        add(&s, "\0\0\0\0\0\0", 6);
        save(how == 1 ? "short" : "short.tar", &s);
        add(&s, &first, 1);
        add(&s, "\12\0python", 8);
        save(how == 1 ? "python" : "python.tar", &s);
    }
    add(&s, "\0PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 23);
    save("zip", &s);
    add(&s, "\0\x1f\x8b\10\0\0\0\0\0\0\3\3\0\0\0\0\0\0\0\0\0", 21);
    save("empty.gz", &s);
}

/* ---- PNG ---- */

static void add_png(struct seed *s, int width, int height, int channels) {
    pf_picture p;
    unsigned char *bytes;
    size_t length;
    const char *text[] = {"config", "[train]\n", NULL};
    if (pf_draw_create(width, height, channels, &p, NULL) != PF_OK) exit(1);
    for (int i = 0; i < width * height * channels; i++) p.pixels[i] = (unsigned char)(i * 29);
    if (pf_draw_png_encode(&p, text, &bytes, &length, NULL) != PF_OK) exit(1);
    add(s, bytes, length);
    free(bytes);
    pf_draw_free(&p);
}

static void add_chunk(struct seed *s, const char *type, const void *data, size_t size) {
    uint8_t head[4], *from = s->data + s->size + 4;
    for (int i = 0; i < 4; i++) head[i] = (uint8_t)(size >> (24 - 8 * i));
    add(s, head, 4);
    add_text(s, type);
    add(s, data, size);
    uint32_t sum = (uint32_t)crc32(0, from, (unsigned)size + 4);
    for (int i = 0; i < 4; i++) head[i] = (uint8_t)(sum >> (24 - 8 * i));
    add(s, head, 4);
}

/* 4 x 4 pixels of this depth and kind, all bytes 0 but the palette. */
static void add_kind(struct seed *s, int depth, int kind, int interlace, int side) {
    static const uint8_t zero[512];
    uint8_t packed[512];
    uLongf length = sizeof packed;
    add(s, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(s, "IHDR",
              &(uint8_t[13]){0, 0, (uint8_t)(side >> 8), (uint8_t)side, 0, 0, (uint8_t)(side >> 8),
                             (uint8_t)side, (uint8_t)depth, (uint8_t)kind, 0, 0, (uint8_t)interlace},
              13);
    if (kind == 3) add_chunk(s, "PLTE", "\1\2\3\4\5\6\7\10\11", 9);
    if (kind == 3) add_chunk(s, "tRNS", "\1\2", 2);
    if (kind != 3) add_chunk(s, "gAMA", "\0\0\xb1\x8f", 4);
    add_chunk(s, "zTXt", "config\0\0x\x9c\3\0\0\0\0\1", 16);
    compress(packed, &length, zero, 200);
    add_chunk(s, "IDAT", packed, length);
    add_chunk(s, "IEND", "", 0);
}

static void png_seeds(void) {
    static const int kind[][2] = {{1, 0}, {2, 0}, {4, 0}, {8, 0}, {16, 0}, {8, 2}, {16, 2},
                                  {1, 3}, {4, 3}, {8, 3}, {8, 4}, {16, 4}, {8, 6}, {16, 6}};
    struct seed s = {0};
    char name[32];
    begin_noun("png");
    for (size_t i = 0; i < sizeof kind / sizeof *kind; i++) {
        uint8_t how = (uint8_t)(4 + i % 3);
        add(&s, &how, 1);
        add_kind(&s, kind[i][0], kind[i][1], (int)i % 2, 4);
        snprintf(name, sizeof name, "kind-%d-%d", kind[i][0], kind[i][1]);
        save(name, &s);
    }
    for (int i = 0; i < 3; i++) {
        add(&s, "\4", 1);
        add_png(&s, 5, 3, i ? 3 : 1);
        for (int k = 0; k < i + 1; k++) {
            mark(&s);
            add_png(&s, 5, 3, i ? 3 : 1);
        }
        snprintf(name, sizeof name, "folder-%d", i);
        save(name, &s);
    }
    add(&s, "\4", 1);
    add_kind(&s, 8, 2, 0, 32768);
    save("huge", &s);
    add(&s, "\4\x89PNG\r\n\x1a\n", 9);
    add_chunk(&s, "IHDR", "\0\0\0\4\0\0\0\4\10\2\0\0\0", 13);
    add(&s, "\x65\x6e\x74\x65tEXtconfig\0long", 19);
    save("long-chunk", &s);
}

/* ---- configurations and metrics ---- */

static void ini_seeds(void) {
    static const char *const text[][2] = {
        {"flow", "[method]\nname = flow\ntime = uniform\n[model]\nwidth = 32 ; "
                 "small\n[train]\nsteps=1e2\nema = 0.9, 0.99\n"},
        {"meanflow", "; comment\n# comment\n[method]\nname = meanflow\n\n[data]\npath = set.h5\nlabels = "
                     "yes\n[train]\nlr: 2e-3\n"},
        {"path", "[data]\npath = /a/b;c.h5\n[runtime]\ndevice = name=a b\nmatmul = generic\n"},
        {"indent", "  [train]\n   steps = 5\n\tseed = 7\n"},
        {"bom", "\xef\xbb\xbf[train]\r\nsteps = 5\r\n"},
        {"unknown", "[train]\nstep = 5\n"},
        {"range", "[train]\nsteps = 0\n"},
        {"whole", "[train]\nsteps = 1.5\n"},
        {"choice", "[train]\nschedule = cosin\n"},
        {"empty", ""},
        {"before", "a = b\n"},
        {"bare", "[train\nsteps\n= 3\n"},
        {"list", "[train]\nema = 0.9,,0.99,\n"},
        {"values", "[train]\nsteps =\n[sample]\nema =\n[data]\npath =\n"},
        {"quotes", "[runtime]\ndevice = \"a ; b\" ; c\n"},
    };
    struct seed s = {0};
    begin_noun("ini");
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        add_text(&s, text[i][1]);
        save(text[i][0], &s);
    }
    add_text(&s, "[data]\npath = ");
    for (int i = 0; i < 300; i++) add_text(&s, "x");
    add_text(&s, " ; comment\n[sample]\nema = 0.9\n");
    save("long", &s);
    add(&s, "[train]\n\0steps = 3\n", 19);
    save("zero", &s);
}

static void json_seeds(void) {
    static const char *const text[][2] = {
        {"metrics", "{\"step\":1,\"samples\":64,\"loss\":2.5,\"lr\":1e-3,\"ms_per_step\":2}\n"
                    "{\"step\":5,\"samples\":320,\"loss\":1.5,\"lr\":1e-3,\"ms_per_step\":2}\n"
                    "{\"step\":9,\"samples\":576,\"loss\":null,\"lr\":1e-3,\"ms_per_step\":2}\n"},
        {"torn", "{\"step\":1,\"loss\":2}\n{\"step\":2,\"lo"},
        {"blank", "\n\n"},
        {"empty", ""},
        {"same", "{\"step\":1,\"loss\":0}\n{\"step\":1,\"loss\":0}\n"},
        {"far", "{\"step\":1e300,\"loss\":1e-300}\n{\"step\":-1e308,\"loss\":1e308}\n"},
        {"negative", "{\"step\":3,\"loss\":-1}\n{\"step\":4,\"loss\":1e-320}\n"},
        {"nested", "{\"step\":{\"step\":[1,{}]},\"loss\":\"\\u00e9\\ud83d\\ude00<b>\"}\n"},
        {"eval", "{\"step\":1}\n|PART|{\"sliced_w2\":0.5,\"fm_error\":null,\"name\":\"x\",\"n\":5}\n"},
        {"config", "{\"step\":1}\n|PART|{}|PART|[train]\nlr = 1e-3 ; <&>\n"},
        {"array", "[1,2]\n|PART|[3,4]"},
        {"number", "7\n|PART|7"},
    };
    struct seed s = {0};
    begin_noun("json");
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        add_text(&s, text[i][1]);
        save(text[i][0], &s);
    }
    add_text(&s, "{\"step\":1,\"loss\":3}\n" FUZZ_MARK "{}" FUZZ_MARK "[train]\n" FUZZ_MARK);
    add_png(&s, 4, 3, 3);
    save("picture", &s);
}

/* ---- the program cache ---- */

static void program_cache_seeds(void) {
    struct seed s = {0};
    static const uint8_t rest[56] = {1};
    begin_noun("program_cache");
    for (int how = 0; how < 2; how++) {
        add(&s, how ? "\17" : "\0", 1);
        add_text(&s, "PFCLPROG");
        add(&s, rest, sizeof rest);
        add_text(&s, "payload");
        save(how ? "whole" : "sums", &s);
    }
    add(&s, "\17PFCLPROG", 9);
    add(&s, rest, sizeof rest);
    save("no-payload", &s);
    add(&s, "\17PFCL", 5);
    save("short", &s);
}

/* ---- verdicts of the self-test ---- */

static void verdict_seeds(void) {
    struct seed s = {0};
    begin_noun("verdict");
    for (int mend = 0; mend < 2; mend++) {
        add(&s, mend ? "\1" : "\0", 1);
        add_text(&s, "pushforward self-test, format 1\ndevice: d\ndriver: 1\nplatform: p\n"
                     "date: 2026-11-22T23:59:59Z\namount: quick\nrows: 11 1 0\nseconds: 4.5\navoid: cpu\n"
                     "optional: products by cpu (product nn: 0.1, tolerance 5e-06)\nbasic: \n");
        save(mend ? "whole" : "no-sum", &s);
    }
}

/* ---- HDF5 ---- */

static void add_file(struct seed *s, const char *path) {
    uint8_t bytes[SEED_MAX];
    FILE *file = fopen(path, "rb");
    if (!file) exit(1);
    add(s, bytes, fread(bytes, 1, sizeof bytes, file));
    fclose(file);
}

/* One edit of a recipe: member, kind, argument. */
static void add_edit(struct seed *s, int member, recipe_edit kind, int argument) {
    add(s, &(uint8_t[3]){(uint8_t)member, (uint8_t)kind, (uint8_t)argument}, 3);
}

/* The good one, and one for each kind of edit of some members. */
static void recipe_seeds(const char *name, int members) {
    struct seed s = {0};
    char file[64];
    begin_noun(name);
    save("good", &s);
    add(&s, "\2", 1);
    save("latest", &s);
    for (int kind = 0; kind < RECIPE_EDITS; kind++)
        for (int i = 0; i < 4; i++) {
            add(&s, "\0", 1);
            add_edit(&s, (kind * 5 + i * 7) % members, (recipe_edit)kind, 1 + 3 * i + kind);
            if (kind == RECIPE_BYTES) add_text(&s, "content of a member that is longer than it should be");
            snprintf(file, sizeof file, "edit-%d-%d", kind, i);
            save(file, &s);
        }
}

static void hdf5_seeds(void) {
    struct seed s = {0};
    char path[FUZZ_PATH];
    fuzz_path(path, "seed.h5");
    recipe_seeds("dataset_recipe", use_dataset_count);
    recipe_seeds("checkpoint_recipe", use_checkpoint_count);
    for (int how = 0; how < 3; how++) {
        uint8_t byte = (uint8_t)how;
        const char *name = how == 0 ? "good" : how == 1 ? "user-block" : "latest";
        recipe_write(path, use_dataset_table, use_dataset_count, (fuzz_part){&byte, 1});
        begin_noun("dataset");
        add_file(&s, path);
        save(name, &s);
        use_write_checkpoint(path, (fuzz_part){&byte, 1});
        begin_noun("checkpoint");
        add_file(&s, path);
        save(name, &s);
    }
    begin_noun("dataset");
    if (pf_dataset_make(path, &(pf_make_desc){.kind = "moons", .train = 20, .test = 5}, NULL) != PF_OK)
        exit(1);
    add_file(&s, path);
    save("moons", &s);
    add_text(&s, "1,2\n");
    save("text", &s);
}

int main(int argc, char **argv) {
    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = argv[1];
    mkdir(folder, 0755);
    idx_seeds();
    csv_seeds();
    npy_seeds();
    npz_seeds();
    cifar_seeds();
    png_seeds();
    ini_seeds();
    json_seeds();
    program_cache_seeds();
    verdict_seeds();
    hdf5_seeds();
    return 0;
}
