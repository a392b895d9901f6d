/* SPDX-License-Identifier: MIT
 * One HTML page in one file. Its policy forbids scripts and loading, whatever the texts hold. */
#include "base/file.h"
#include "draw/escape.h"
#include "draw/svg.h"
#include <stdlib.h>
#include <string.h>

struct pf_page {
    pf__text title, body;
};

static const char style[] =
    ":root{color-scheme:light "
    "dark;--ink:#1f2328;--soft:#57606a;--line:#d0d7de;--paper:#fff;--shade:#f6f8fa}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#dde3ea;--soft:#9aa4af;--line:#3a424c;--paper:#14181d;"
    "--shade:#1d232a}}\n"
    "body{margin:0 auto;max-width:66rem;padding:1.5rem 1.25rem 4rem;background:var(--paper);color:var(--ink);"
    "font:16px/1.55 system-ui,-apple-system,\"Segoe UI\",sans-serif}\n"
    "h1{font-size:1.8rem;line-height:1.2;margin:.4rem 0 1rem}\n"
    "h2{font-size:1.3rem;margin:2.2rem 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}\n"
    "h3{font-size:1.08rem;margin:1.6rem 0 .4rem}h4{font-size:1rem;margin:1.3rem 0 .3rem}\n"
    "p{max-width:44rem;margin:.6rem 0}\n"
    "pre{background:var(--shade);border:1px solid var(--line);border-radius:6px;padding:.8rem "
    "1rem;overflow-x:auto;"
    "font:13px/1.45 ui-monospace,monospace}\n"
    "figure{margin:1rem 0;min-width:0;max-width:100%;overflow-x:auto}\n"
    "figcaption,caption{color:var(--soft);font-size:.88rem;text-align:left;padding:.35rem 0}\n"
    "caption{caption-side:bottom}\n"
    "img,.pf-plot{max-width:100%;height:auto;display:block}\n"
    "table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}\n"
    "th,td{padding:.32rem .8rem;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}\n"
    "th{border-bottom-width:2px;color:var(--soft);font-weight:600}.n{text-align:right}\n"
    "td.n{white-space:nowrap}tbody tr:hover{background:var(--shade)}\n"
    ".row{display:flex;flex-wrap:wrap;gap:0 1.6rem;align-items:flex-start}\n"
    "@media "
    "print{:root{--ink:#000;--soft:#444;--line:#bbb;--paper:#fff;--shade:#f6f6f6}body{max-width:none;padding:"
    "0;"
    "font-size:11pt}h2,h3,h4{break-after:avoid}figure,tr,pre{break-inside:avoid}figure{overflow:visible}\n"
    "pre{white-space:pre-wrap}}\n";

pf_status pf_page_create(const char *title, pf_page **out, pf_error *error) {
    pf_page *page = *out = calloc(1, sizeof *page);
    if (!page) return pf__fail_memory(error, "page", sizeof *page);
    pf__escape(&page->title, title);
    return PF_OK;
}

void pf_page_destroy(pf_page **page) {
    if (!page || !*page) return;
    pf__text_free(&(*page)->title);
    pf__text_free(&(*page)->body);
    free(*page);
    *page = NULL;
}

/* "<open>text</close>\n", the text escaped. */
static void add_element(pf_page *page, const char *open, const char *text, const char *close) {
    pf__text_add(&page->body, open);
    pf__escape(&page->body, text);
    pf__text_add(&page->body, close);
}

void pf_page_heading(pf_page *page, int level, const char *text) {
    static const char *const open[] = {"<h2>", "<h3>", "<h4>"}, *const close[] = {"</h2>\n", "</h3>\n",
                                                                                  "</h4>\n"};
    int i = level < 1 ? 0 : level > 3 ? 2 : level - 1;
    add_element(page, open[i], text, close[i]);
}

void pf_page_text(pf_page *page, const char *text) {
    add_element(page, "<p>", text, "</p>\n");
}

void pf_page_code(pf_page *page, const char *text) {
    add_element(page, "<pre>\n", text, "</pre>\n"); /* HTML drops a line feed right after <pre> */
}

/* A number, maybe with %, a sign, or a tolerance. */
static int is_number(const char *cell) {
    return cell && cell[strspn(cell, "+-.\xC2\xB1\xE2\x88\x92 ")] != '\0' && strpbrk(cell, "0123456789") &&
           cell[strspn(cell, "0123456789+-.,eE%\xC2\xB1\xE2\x88\x92 ")] == '\0';
}

static int is_number_column(const char *const *cells, int rows, int columns, int column) {
    int found = 0;
    for (int r = 1; r < rows; r++) {
        const char *cell = cells[(size_t)r * (size_t)columns + (size_t)column];
        if (is_number(cell))
            found = 1;
        else if (cell && cell[0] && strcmp(cell, "-") != 0 && strcmp(cell, "nan") != 0 &&
                 strcmp(cell, "inf") != 0)
            return 0;
    }
    return found;
}

void pf_page_table(pf_page *page, const char *const *cells, int rows, int columns, const char *caption) {
    pf__text *out = &page->body;
    pf__text_add(out, "<figure><table>\n");
    if (caption) add_element(page, "<caption>", caption, "</caption>\n");
    for (int r = 0; r < rows; r++) {
        pf__text_add(out, r == 0 ? "<thead><tr>" : "<tr>");
        for (int c = 0; c < columns; c++) {
            const char *number = is_number_column(cells, rows, columns, c) ? " class=\"n\"" : "";
            pf__text_format(out, r == 0 ? "<th%s>" : "<td%s>", number);
            add_element(page, "", cells[(size_t)r * (size_t)columns + (size_t)c], r == 0 ? "</th>" : "</td>");
        }
        pf__text_add(out, r == 0 ? "</tr></thead>\n<tbody>\n" : "</tr>\n");
    }
    pf__text_add(out, rows > 0 ? "</tbody></table></figure>\n" : "</table></figure>\n");
}

void pf_page_row_begin(pf_page *page) {
    pf__text_add(&page->body, "<div class=\"row\">\n");
}

void pf_page_row_end(pf_page *page) {
    pf__text_add(&page->body, "</div>\n");
}

void pf_page_svg(pf_page *page, const char *svg) {
    pf__text_add(&page->body, "<figure>");
    pf__text_add(&page->body, svg);
    pf__text_add(&page->body, "</figure>\n");
}

pf_status pf_page_plot(pf_page *page, const pf_plot *plot, pf_error *error) {
    pf__text svg = {0}; /* aside, so that a failure leaves the page as it was */
    pf_status st = pf__plot_add(plot, 0, &svg, error);
    if (st == PF_OK) pf_page_svg(page, svg.data);
    pf__text_free(&svg);
    return st;
}

static void add_base64(pf__text *out, const unsigned char *bytes, size_t length) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < length; i += 3) {
        unsigned word = (unsigned)bytes[i] << 16;
        if (i + 1 < length) word |= (unsigned)bytes[i + 1] << 8;
        if (i + 2 < length) word |= bytes[i + 2];
        char four[4] = {digits[word >> 18], digits[word >> 12 & 63], digits[word >> 6 & 63],
                        digits[word & 63]};
        if (i + 1 >= length) four[2] = '=';
        if (i + 2 >= length) four[3] = '=';
        pf__text_add_bytes(out, four, 4);
    }
}

pf_status pf_page_picture(pf_page *page, const pf_picture *picture, const char *caption, pf_error *error) {
    unsigned char *bytes;
    size_t length;
    PF__TRY(pf_draw_png_encode(picture, NULL, &bytes, &length, error));
    pf__text_format(&page->body, "<figure><img width=\"%d\" height=\"%d\" alt=\"", picture->width,
                    picture->height);
    add_element(page, "", caption ? caption : "picture", "\" src=\"data:image/png;base64,");
    add_base64(&page->body, bytes, length);
    pf__text_add(&page->body, "\">");
    if (caption) add_element(page, "<figcaption>", caption, "</figcaption>");
    pf__text_add(&page->body, "</figure>\n");
    free(bytes);
    return PF_OK;
}

void pf_page_data(pf_page *page, const char *id, const char *json) {
    add_element(page, "<script type=\"application/json\" id=\"", id, "\">");
    while (*json) { /* in JSON '<' stands only in strings, where \u003c is the same; so "</script" cannot end
                       it */
        size_t n = strcspn(json, "<");
        pf__text_add_bytes(&page->body, json, n);
        json += n;
        if (*json) pf__text_add(&page->body, "\\u003c"), json++;
    }
    pf__text_add(&page->body, "</script>\n");
}

static void add_curve_colors(pf__text *out) {
    pf__text_add(out, ":root{");
    for (int i = 0; i < 8; i++) pf__text_format(out, "--pf-c%d:%s;", i, pf__curve_light[i]);
    pf__text_add(out, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    for (int i = 0; i < 8; i++) pf__text_format(out, "--pf-c%d:%s;", i, pf__curve_dark[i]);
    pf__text_add(out, "}}\n");
}

static pf_status build(const pf_page *page, pf__text *out, pf_error *error) {
    const char *title = pf__text_string(&page->title);
    pf__text_add(out, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                      "style-src 'unsafe-inline'; img-src data:\">\n"
                      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    pf__text_add(out, title);
    pf__text_add(out, "</title>\n<style>\n");
    add_curve_colors(out);
    pf__text_add(out, style);
    pf__text_add(out, "</style>\n</head>\n<body>\n<h1>");
    pf__text_add(out, title);
    pf__text_add(out, "</h1>\n");
    pf__text_add(out, pf__text_string(&page->body));
    pf__text_add(out, "</body>\n</html>\n");
    if (!out->failed && !page->title.failed && !page->body.failed) return PF_OK;
    pf__text_free(out);
    return pf__fail_memory(error, "page", page->body.length);
}

pf_status pf_page_html(const pf_page *page, char **html, pf_error *error) {
    pf__text text = {0};
    PF__TRY(build(page, &text, error));
    *html = text.data;
    return PF_OK;
}

pf_status pf_page_write(const pf_page *page, const char *path, pf_error *error) {
    pf__text text = {0};
    PF__TRY(build(page, &text, error));
    pf_status st = pf__file_write(path, text.data, text.length, error);
    pf__text_free(&text);
    return st;
}
