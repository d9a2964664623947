#!/bin/sh
# SPDX-License-Identifier: MIT
# autogen.sh: makes `configure` and the Makefile.in from a git checkout.
#
#   ./autogen.sh               everything, as after a fresh clone
#   ./autogen.sh --configure   `configure` alone; what `make` calls when
#                              configure.ac has changed
set -eu
cd "$(dirname "$0")"

case ${1-} in
  '') autoreconf --force --install ;;
  --configure) autoconf --force ;;
  *) echo "usage: ./autogen.sh [--configure]" >&2; exit 2 ;;
esac

# A generated configure takes ./core for a crash dump and runs `rm -f core`:
# on our folder of that name this fails, and the clean-up after it with it.
sed 's/rm -f core /rm -f /' configure >configure.new
chmod +x configure.new
mv -f configure.new configure
