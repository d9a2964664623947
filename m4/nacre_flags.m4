# SPDX-License-Identifier: MIT
# nacre_flags.m4: compiler and linker flags that are used where they work.

# NACRE_CFLAG(VARIABLE, FLAGS...)
# Appends each flag that the C compiler takes without a word to VARIABLE.
AC_DEFUN([NACRE_CFLAG], [
m4_foreach([nacre_flag], m4_cdr($@), [
AS_VAR_PUSHDEF([nacre_cache], [nacre_cv_cflag_]nacre_flag)
AC_CACHE_CHECK([whether $CC accepts ]nacre_flag, [nacre_cache], [
  nacre_saved=$CFLAGS
  CFLAGS="$CFLAGS -Werror nacre_flag"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM()],
    [AS_VAR_SET([nacre_cache], [yes])],
    [AS_VAR_SET([nacre_cache], [no])])
  CFLAGS=$nacre_saved
])
AS_VAR_IF([nacre_cache], [yes], [AS_VAR_APPEND([$1], [" nacre_flag"])])
AS_VAR_POPDEF([nacre_cache])
])])

# NACRE_LDFLAG(VARIABLE, FLAG, [IF-NOT])
# Appends FLAG to VARIABLE if a program links with it.
AC_DEFUN([NACRE_LDFLAG], [
AS_VAR_PUSHDEF([nacre_cache], [nacre_cv_ldflag_$2])
AC_CACHE_CHECK([whether the linker accepts $2], [nacre_cache], [
  nacre_saved=$LDFLAGS
  LDFLAGS="$LDFLAGS $2"
  AC_LINK_IFELSE([AC_LANG_PROGRAM()],
    [AS_VAR_SET([nacre_cache], [yes])],
    [AS_VAR_SET([nacre_cache], [no])])
  LDFLAGS=$nacre_saved
])
AS_VAR_IF([nacre_cache], [yes], [AS_VAR_APPEND([$1], [" $2"])], [$3])
AS_VAR_POPDEF([nacre_cache])
])

# NACRE_LIBS(VARIABLE, FUNCTION, LIBRARIES)
# Sets VARIABLE to the -l that FUNCTION needs; an error if it is nowhere.
AC_DEFUN([NACRE_LIBS], [
nacre_saved=$LIBS
AC_SEARCH_LIBS([$2], [$3], [], [AC_MSG_ERROR([cannot find the function $2])])
$1=
AS_CASE([$ac_cv_search_$2], [-l*], [$1=$ac_cv_search_$2])
LIBS=$nacre_saved
AC_SUBST([$1])
])
