#!/bin/sh
# Builds the kernels as they are installed and times them:  npm run bench:native -- [milliseconds a case] [path ...]
set -eu
cd "$(dirname "$0")"
node-gyp configure -- -Dtests=1
node-gyp build
exec build/Release/kernel-bench "$@"
