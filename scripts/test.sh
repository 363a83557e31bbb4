#!/usr/bin/env bash
# Runs all tests. Needs the Rust toolchain of rust-toolchain.toml and a C compiler; for the browser tests python3 and Chromium.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo >/dev/null || { echo "cargo is missing: install Rust from your system or rustup first" >&2; exit 1; }
command -v cc >/dev/null || { echo "a C compiler is missing: install gcc or clang first (Debian: apt-get install build-essential)" >&2; exit 1; }
cargo test --release

# The report in a real browser. Debian's Chromium is installed where that is possible; without it this part is skipped, loudly.
if ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing chromium for the browser tests" >&2
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends chromium; } >/dev/null 2>&1 ||
    echo "chromium could not be installed" >&2
fi
if command -v python3 >/dev/null; then
  cargo build --release
  python3 scripts/browser_test.py
else
  echo "SKIPPED: the browser tests did NOT run: no python3 here" >&2
fi
