#!/bin/sh
# Builds the kernels with AddressSanitizer and UndefinedBehaviorSanitizer and runs their tests:
#   npm run test:native -- [seeds] [first seed]
# node-gyp is on the path inside `npm run`.
set -eu
cd "$(dirname "$0")"
node-gyp configure -- -Dtests=1
node-gyp build --debug
exec build/Debug/kernel-tests "$@"
