/* SPDX-License-Identifier: MIT
 * Plots: points at their places, gaps, thinning that keeps extremes, escaping, limits. */
#include "base/file.h"
#include "check.h"
#include "pushforward/draw.h"
#include <unistd.h>

static int count_of(const char *text, const char *part) {
    int count = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part)) count++;
    return count;
}

/* The d="..." of the last unfilled path: the curve. */
static const char *curve_path(const char *svg) {
    const char *path = strstr(svg, "<path fill=\"none\"");
    path = path ? strstr(path, " d=\"") : NULL;
    return path ? path + 4 : "";
}

static char *plot_svg(const pf_plot *plot) {
    pf_error err = {0};
    char *svg = NULL;
    CHECK_OK(pf_plot_svg(plot, &svg, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(svg);
    return svg;
}

static void test_line(void) {
    double y[] = {0, 1, NAN, 1, 0};
    pf_curve curve = {.label = "a<b", .y = y, .count = 5};
    pf_plot plot = {.title = "T & \"U\"",
                    .x_label = "x",
                    .curves = &curve,
                    .curve_count = 1,
                    .x_min = 0,
                    .x_max = 4,
                    .y_min = 0,
                    .y_max = 2,
                    .width = 400,
                    .height = 300};
    char *svg = plot_svg(&plot);
    int width = 0, height = 0;
    const char *inner = strstr(svg + 4, "<svg ");
    CU_ASSERT(inner &&
              sscanf(inner, "<svg x=\"%*d\" y=\"%*d\" width=\"%d\" height=\"%d\"", &width, &height) == 2);
    char want[200];
    snprintf(want, sizeof want, "M0.0 %.1fL%.1f %.1fM%.1f %.1fL%.1f %.1f\"", (double)height, width * 0.25,
             height / 2.0, width * 0.75, height / 2.0, (double)width, (double)height);
    CU_ASSERT(strncmp(curve_path(svg), want, strlen(want)) == 0);
    CHECK_CONTAINS(svg, ">a&lt;b</text>");
    CHECK_CONTAINS(svg, ">T &amp; &quot;U&quot;</text>");
    CHECK_CONTAINS(svg, "currentColor");
    CU_ASSERT_PTR_NULL(strstr(svg, "a<b"));
    CU_ASSERT_PTR_NULL(strstr(svg, "nan"));
    CU_ASSERT_PTR_NULL(strstr(svg, " id="));
    free(svg);
}

static void test_log(void) {
    double x[] = {0, 1, 10, 100}, y[] = {1, 1e-3, -5, 1e-1};
    pf_curve curve = {.x = x, .y = y, .count = 4, .dots = 1};
    pf_plot plot = {.curves = &curve, .curve_count = 1, .x_log = 1, .y_log = 1};
    char *svg = plot_svg(&plot);
    CHECK_INT(count_of(svg, "<circle"), 2); /* (0, 1) and (10, -5) have no place */
    CHECK_CONTAINS(svg, ">0.01</text>");
    free(svg);
}

static void test_thinning(void) {
    enum { N = 100000 };
    double *y = malloc(N * sizeof *y);
    for (int i = 0; i < N; i++) y[i] = sin(i * 1e-3);
    y[54321] = 9;
    y[54399] = -7;
    pf_curve curve = {.y = y, .count = N};
    pf_plot plot = {.curves = &curve, .curve_count = 1, .y_min = -10, .y_max = 10, .height = 240};
    char *svg = plot_svg(&plot);
    CU_ASSERT(count_of(curve_path(svg), "L") <= 2000);
    CU_ASSERT(count_of(curve_path(svg), "L") > 1000);
    CHECK_CONTAINS(svg, " 10.0L"); /* 9 of [-10, 10] on 200 pixels */
    CHECK_CONTAINS(svg, " 170.0L");
    free(svg);
    curve.dots = 1;
    svg = plot_svg(&plot);
    CHECK_INT(count_of(svg, "<circle"), 2000);
    free(svg);
    free(y);
}

static void test_edges(void) {
    pf_error err = {0};
    char *svg = NULL, *data = NULL;
    size_t length;
    double y[] = {3, 3, INFINITY}, bad[] = {NAN, NAN};
    pf_curve curves[] = {
        {.y = y, .count = 3}, {.y = bad, .count = 2, .dashed = 1}, {.count = 0, .label = "none"}};
    pf_plot plot = {.curves = curves, .curve_count = 3};
    free(plot_svg(&plot));
    plot.y_log = 1;
    free(plot_svg(&plot));
    free(plot_svg(&(pf_plot){0}));
    plot.y_min = -1, plot.y_max = 1;
    CHECK_INT(pf_plot_svg(&plot, &svg, &err), PF_USAGE);
    CHECK_CONTAINS(err.message, "limits of y [-1, 1]");
    CHECK_INT(pf_plot_svg(&(pf_plot){.width = 60}, &svg, &err), PF_USAGE);
    CHECK_INT(pf_plot_svg(&(pf_plot){.x_min = 2, .x_max = 1}, &svg, &err), PF_USAGE);
    /* In a file, bytes that are no UTF-8 would make it unreadable. */
    char path[] = "/tmp/pf-svg-XXXXXX";
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CHECK_OK(pf_plot_write(&(pf_plot){.title = "a\xFF\x01z\xC3\xA4"}, path, &err), err);
    CHECK_OK(pf__file_read(path, &data, &length, &err), err);
    CHECK_CONTAINS(data, ">a\xEF\xBF\xBDz\xC3\xA4</text>");
    CHECK_CONTAINS(data, "prefers-color-scheme");
    free(data);
    unlink(path);
}

void test_svg_suite(void) {
    CU_pSuite s = CU_add_suite("svg", NULL, NULL);
    CU_add_test(s, "line", test_line);
    CU_add_test(s, "logarithmic", test_log);
    CU_add_test(s, "thinning", test_thinning);
    CU_add_test(s, "edges", test_edges);
}
