/* SPDX-License-Identifier: MIT
 * Pages: everything is escaped, nothing is loaded, raw data cannot leave its element, pictures are embedded.
 */
#include "base/file.h"
#include "check.h"
#include "pushforward/draw.h"
#include <unistd.h>

static char *page_html(const pf_page *page) {
    pf_error err = {0};
    char *html = NULL;
    CHECK_OK(pf_page_html(page, &html, &err), err);
    CU_ASSERT_PTR_NOT_NULL_FATAL(html);
    return html;
}

static void test_escaping(void) {
    pf_error err = {0};
    pf_page *page = NULL;
    const char *evil = "<script>alert('1')</script> & \"q\"";
    const char *safe = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp; &quot;q&quot;";
    const char *cells[] = {evil, "n", "x", "1"};
    CHECK_OK(pf_page_create(evil, &page, &err), err);
    pf_page_heading(page, 1, evil);
    pf_page_text(page, evil);
    pf_page_code(page, evil);
    pf_page_table(page, cells, 2, 2, evil);
    char *html = page_html(page);
    int count = 0;
    for (const char *p = html; (p = strstr(p, safe)) != NULL; p++) count++;
    CHECK_INT(count, 7); /* the title twice */
    CU_ASSERT_PTR_NULL(strstr(html, "<script"));
    CU_ASSERT_PTR_NULL(strstr(html, "http://"));
    CU_ASSERT_PTR_NULL(strstr(html, "https://"));
    CHECK_CONTAINS(html, "default-src 'none'");
    CHECK_CONTAINS(html, "prefers-color-scheme:dark");
    free(html);
    pf_page_destroy(&page);
    CU_ASSERT_PTR_NULL(page);
    pf_page_destroy(&page);
}

static void test_data(void) {
    pf_error err = {0};
    pf_page *page = NULL;
    CHECK_OK(pf_page_create("t", &page, &err), err);
    pf_page_data(page, "raw", "{\"a\":[1,2],\"b\":\"</script><!-- &amp;\"}");
    char *html = page_html(page);
    CHECK_CONTAINS(html, "<script type=\"application/json\" id=\"raw\">{\"a\":[1,2],\"b\":\"\\u003c/script>"
                         "\\u003c!-- &amp;\"}</script>");
    free(html);
    pf_page_destroy(&page);
}

static void test_table(void) {
    pf_error err = {0};
    pf_page *page = NULL;
    const char *cells[] = {"name", "loss", "note", "flow",  "-1.5e-3",        "12 steps",
                           "mean", NULL,   "5",    "drift", "2 \xC2\xB1 0.1", "x"};
    CHECK_OK(pf_page_create("t", &page, &err), err);
    pf_page_table(page, cells, 4, 3, NULL);
    char *html = page_html(page);
    CHECK_CONTAINS(html, "<thead><tr><th>name</th><th class=\"n\">loss</th><th>note</th></tr></thead>");
    CHECK_CONTAINS(html, "<tr><td>flow</td><td class=\"n\">-1.5e-3</td><td>12 steps</td></tr>");
    CHECK_CONTAINS(html, "<tr><td>mean</td><td class=\"n\"></td><td>5</td></tr>");
    CHECK_CONTAINS(html, "<td class=\"n\">2 \xC2\xB1 0.1</td>");
    free(html);
    pf_page_destroy(&page);
}

static int digit(char c) {
    const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
               *at = strchr(all, c);
    return at && c ? (int)(at - all) : 0;
}

/* Decodes the embedded picture and compares, for encoded lengths of all remainders. */
static void test_picture(void) {
    pf_error err = {0};
    for (int width = 1; width <= 12; width++) {
        pf_page *page = NULL;
        pf_picture p, q;
        CHECK_OK(pf_draw_create(width, 2, 3, &p, &err), err);
        for (int i = 0; i < width * 6; i++) p.pixels[i] = (unsigned char)(i * 91 + width);
        CHECK_OK(pf_page_create("t", &page, &err), err);
        CHECK_OK(pf_page_picture(page, &p, "a \"picture\"", &err), err);
        char *html = page_html(page), *from = strstr(html, "base64,");
        CU_ASSERT_PTR_NOT_NULL_FATAL(from);
        from += 7;
        size_t length = strcspn(from, "\""), bytes = 0;
        unsigned char *png = malloc(length + 3);
        CHECK_INT(length % 4, 0);
        for (size_t i = 0; i < length; i += 4) {
            int word = digit(from[i]) << 18 | digit(from[i + 1]) << 12 | digit(from[i + 2]) << 6 |
                       digit(from[i + 3]);
            for (int k = 16; k >= 0; k -= 8) png[bytes++] = (unsigned char)(word >> k);
        }
        bytes -= (size_t)(from[length - 1] == '=') + (size_t)(from[length - 2] == '=');
        CHECK_OK(pf_draw_png_decode(png, bytes, "embedded", 3, &q, &err), err);
        CU_ASSERT(q.pixels && memcmp(p.pixels, q.pixels, (size_t)width * 6) == 0);
        CHECK_CONTAINS(html, "alt=\"a &quot;picture&quot;\"");
        free(png);
        free(html);
        pf_draw_free(&p);
        pf_draw_free(&q);
        pf_page_destroy(&page);
    }
}

static void test_write(void) {
    pf_error err = {0};
    pf_page *page = NULL;
    char path[] = "/tmp/pf-html-XXXXXX", *data = NULL;
    size_t length;
    int fd = mkstemp(path);
    CU_ASSERT_FATAL(fd >= 0);
    close(fd);
    CHECK_OK(pf_page_create("t", &page, &err), err);
    char *before = page_html(page);
    CHECK_INT(pf_page_plot(page, &(pf_plot){.width = 1}, &err), PF_USAGE);
    CHECK_INT(pf_page_picture(page, &(pf_picture){0}, "x", &err), PF_USAGE);
    char *after = page_html(page);
    CU_ASSERT_STRING_EQUAL(before, after); /* a refused part leaves no trace */
    pf_page_row_begin(page);
    CHECK_OK(pf_page_plot(page, &(pf_plot){.title = "P"}, &err), err);
    pf_page_svg(page, "<svg></svg>");
    pf_page_row_end(page);
    free(after);
    after = page_html(page);
    CHECK_OK(pf_page_write(page, path, &err), err);
    CHECK_OK(pf__file_read(path, &data, &length, &err), err);
    CU_ASSERT_STRING_EQUAL(data, after);
    CHECK_CONTAINS(data, "<figure><svg></svg></figure>\n</div>");
    CHECK_INT(pf_page_write(page, "/no/such/folder/x.html", &err), PF_SYSTEM);
    free(data);
    free(before);
    free(after);
    pf_page_destroy(&page);
    unlink(path);
}

void test_html_suite(void) {
    CU_pSuite s = CU_add_suite("html", NULL, NULL);
    CU_add_test(s, "escaping", test_escaping);
    CU_add_test(s, "data", test_data);
    CU_add_test(s, "table", test_table);
    CU_add_test(s, "picture", test_picture);
    CU_add_test(s, "write", test_write);
}
