/* SPDX-License-Identifier: MIT
 * Texts made safe for markup. */
#ifndef PF__DRAW_ESCAPE_H
#define PF__DRAW_ESCAPE_H

#include "base/text.h"

/** Adds text for HTML, XML and attributes in double quotes. Bytes that are no UTF-8 become U+FFFD, control
 *  characters but tab and line feed go: an SVG file with them would not be XML. NULL adds nothing. */
void pf__escape(pf__text *out, const char *text);

#endif
