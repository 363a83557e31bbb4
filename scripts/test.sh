#!/usr/bin/env bash
# Runs all tests. Needs nothing but the Rust toolchain of rust-toolchain.toml and a C compiler.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo >/dev/null || { echo "cargo is missing: install Rust from your system or rustup first" >&2; exit 1; }
command -v cc >/dev/null || { echo "a C compiler is missing: install gcc or clang first (Debian: apt-get install build-essential)" >&2; exit 1; }
cargo test --release
