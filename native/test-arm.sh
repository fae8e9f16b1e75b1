#!/bin/sh
# Builds the kernels' tests for 64-bit Arm and runs them under emulation, so that the NEON path can be tested anywhere:
#   npm run test:native:arm -- [seeds] [first seed]
# Debian: apt-get install g++-aarch64-linux-gnu qemu-user-static.
set -eu
cd "$(dirname "$0")"
out=build/arm64
mkdir -p "$out"
compile() { aarch64-linux-gnu-g++ -std=gnu++17 -O2 -ffp-contract=off -fvisibility=hidden -Wall -Wextra "$@"; }
compile -march=armv8.2-a+dotprod -c src/paths/neon.cpp -o "$out/neon.o"
compile -static src/*.cpp src/paths/scalar.cpp "$out/neon.o" test/kernel_tests.cpp -lpthread -o "$out/kernel-tests"
exec qemu-aarch64-static "$out/kernel-tests" "$@"
