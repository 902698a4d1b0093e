#!/bin/sh
# What the image is built from: the binary alone, stripped, in the folder that is given. The
# Dockerfile runs this, and so does CI, where there may be no container engine.
set -eu
out=${1:?usage: deploy/build.sh FOLDER}
cd "$(dirname "$0")/.."
cargo build --release --locked --bin quanttrade
mkdir -p "$out"
install -m 0755 "${CARGO_TARGET_DIR:-target}/release/quanttrade" "$out/quanttrade"
strip "$out/quanttrade"
"$out/quanttrade" --version
