# SPDX-License-Identifier: MIT
# nacre_plugin.m4: plugins that need a library which may be absent.

# NACRE_PLUGIN(NAME, MODULES, INCLUDES, BODY)
#
# Adds --enable-plugin-NAME=yes|no|auto (auto by default) for a plugin that
# needs one of MODULES, pkg-config names of which the first that a program of
# INCLUDES and BODY links with is taken. One that begins with -l is what the
# linker is told, for libraries that pkg-config may not know.
#   yes   without the library, configure fails and names it
#   no    the library is not even looked for
#   auto  built if the library is there; the summary says which it was
# Gives NAME_CFLAGS and NAME_LIBS and the conditional PLUGIN_NAME, in
# capitals, and a line for the summary in nacre_plugin_NAME.
AC_DEFUN([NACRE_PLUGIN], [
m4_pushdef([nacre_upper], m4_toupper([$1]))
m4_pushdef([nacre_needs], m4_bpatsubst([$2], [ ], [ or ]))
AC_ARG_ENABLE([plugin-$1],
  [AS_HELP_STRING([--enable-plugin-$1=yes|no|auto],
    [plugin $1, needs ]nacre_needs[ @<:@auto@:>@])],
  [], [enable_plugin_$1=auto])
AC_ARG_VAR(nacre_upper[_CFLAGS], [C compiler flags for plugin $1])
AC_ARG_VAR(nacre_upper[_LIBS], [linker flags for plugin $1])
nacre_plugin_$1=no
AS_IF([test "x$enable_plugin_$1" != xno], [
  nacre_saved_CFLAGS=$CFLAGS
  nacre_saved_LIBS=$LIBS
  nacre_modules="$2"
  AS_IF([test -n "$nacre_upper[]_CFLAGS$nacre_upper[]_LIBS"],
    [nacre_modules=given])
  for nacre_module in $nacre_modules; do
    AC_MSG_CHECKING([for $nacre_module, for plugin $1])
    AS_CASE([$nacre_module], [given], [], [-l*], [
      nacre_upper[]_CFLAGS=
      nacre_upper[]_LIBS=$nacre_module
    ], [
      AS_IF([$PKG_CONFIG --exists "$nacre_module" 2>/dev/null], [], [
        AC_MSG_RESULT([no])
        continue
      ])
      nacre_upper[]_CFLAGS=`$PKG_CONFIG --cflags "$nacre_module"`
      nacre_upper[]_LIBS=`$PKG_CONFIG --libs "$nacre_module"`
    ])
    CFLAGS="$nacre_saved_CFLAGS $nacre_upper[]_CFLAGS"
    LIBS="$nacre_upper[]_LIBS $nacre_saved_LIBS"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([$3], [$4])],
      [nacre_plugin_$1="yes ($nacre_module)"
       AC_MSG_RESULT([yes])
       break],
      [AS_CASE([$nacre_module], [-l*], [AC_MSG_RESULT([no])],
         [AC_MSG_RESULT([found, but a program does not link with it])])
       AS_IF([test $nacre_module != given],
         [nacre_upper[]_CFLAGS= nacre_upper[]_LIBS=])])
  done
  CFLAGS=$nacre_saved_CFLAGS
  LIBS=$nacre_saved_LIBS
  AS_IF([test "x$nacre_plugin_$1" = xno], [
    AS_IF([test "x$enable_plugin_$1" = xyes], [
      AC_MSG_ERROR([plugin $1 was asked for, but none of these was found: $2])
    ])
    nacre_plugin_$1="no (none of: $2)"
  ])
], [nacre_plugin_$1="no (disabled)"])
AM_CONDITIONAL([PLUGIN_]nacre_upper,
  [case $nacre_plugin_$1 in yes*) :;; *) false;; esac])
m4_popdef([nacre_needs])
m4_popdef([nacre_upper])
])
