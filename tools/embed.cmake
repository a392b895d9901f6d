# SPDX-License-Identifier: MIT
# cmake -DOUT=file.c "-DFILES=a.cl;b.cl" -P embed.cmake: writes the files as byte arrays and one table of them.
set(text "/* Made by tools/embed.cmake. */\n#include \"runtime/embedded.h\"\n")
set(table "")
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME)
  string(MAKE_C_IDENTIFIER ${name} id)
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND text "static const unsigned char ${id}[] = {${bytes}0};\n")
  string(APPEND table "    {\"${name}\", (const char *)${id}, sizeof ${id} - 1},\n")
endforeach()
string(APPEND text "const struct pf__embedded pf__embedded[] = {\n${table}    {0, 0, 0},\n};\n")
file(WRITE ${OUT} "${text}")
