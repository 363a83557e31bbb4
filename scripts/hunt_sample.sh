#!/usr/bin/env bash
# Builds coldtrail and hunts the shipped sample; the outputs go to coldtrail-out/ (or the folder given as $1).
set -euo pipefail
cd "$(dirname "$0")/.."
command -v cargo >/dev/null || { echo "cargo is missing: install Rust from your system or rustup first" >&2; exit 1; }
command -v cc >/dev/null || { echo "a C compiler is missing: install gcc or clang first (Debian: apt-get install build-essential)" >&2; exit 1; }
cargo build --release
exec target/release/coldtrail hunt sample_data/office \
  --whois sample_data/office-lists/whois.csv --assets sample_data/office-lists/assets.csv \
  --tz dhcp-windows=Asia/Tokyo --tz msdns=Asia/Tokyo --out "${1:-coldtrail-out}"
