#!/usr/bin/env bash
# Load on a release build of the service: starts one in a folder of its own, measures everything,
# prints one table. benches/load/run.sh [--scale HUNDREDTHS] [--seconds N] [--json]
set -euo pipefail
cd "$(dirname "$0")/../.."
ulimit -n "$(ulimit -Hn)"
cargo build --release --locked --workspace --bins
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
target/release/qt-load all --program target/release/quanttrade --folder "$folder" "$@"
