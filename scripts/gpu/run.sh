#!/bin/sh
# Lies beside pack.tar.xz, in a folder of a checkout on a machine with a GPU: unpacks it there once and
# runs the check with the Node that was carried.
set -eu
pack=$(cd "$(dirname "$0")" && pwd)
cd "$pack/.."
if ! cmp -s "$pack/pack.tar.xz" build/gpu-pack/unpacked.tar.xz; then
  if [ -e node_modules ] && [ ! -e build/gpu-pack/node ]; then
    echo "node_modules is there and was not unpacked by this: run node scripts/gpu-check.mjs" >&2
    exit 1
  fi
  rm -rf node_modules
  python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(".")' "$pack/pack.tar.xz"
  # npm's record of what is installed must be newer than the lock file, or it is installed again.
  touch node_modules/.package-lock.json
  cp "$pack/pack.tar.xz" build/gpu-pack/unpacked.tar.xz
fi
exec build/gpu-pack/node scripts/gpu-check.mjs "$@"
