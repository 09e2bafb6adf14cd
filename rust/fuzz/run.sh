#!/bin/sh
# Builds the fuzz targets and runs each for SECONDS: rust/fuzz/run.sh SECONDS
#
# Stable Rust is enough: the flags below are what cargo-fuzz would pass. With --target they reach the targets and what
# they link, but no build script. libFuzzer is C++, so a C++ compiler is needed; without one nothing is run, and this
# says so. Seeds begin with the bytes that choose the cuts (2 for request and tls, 4 for chunked), or the kind of request
# that is answered and the cut (4 for response), or the role and the cuts (5 for http2), or the cuts and whether there are
# trailers (5 for grpc_web), or the cut (2 for preamble); in those of hpack each header block follows its length (2
# bytes). What a run finds new is kept in corpus/ for the next one; an input that crashes is left in artifacts/.
set -eu

seconds=${1:?usage: rust/fuzz/run.sh SECONDS}
cd "$(dirname "$0")"

if ! command -v "${CXX:-c++}" >/dev/null; then
    echo "fuzz: no C++ compiler (apt-get install g++), so libFuzzer cannot be built: nothing was run" >&2
    exit 0
fi

host=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
cargo build --quiet --locked --release --target "$host"

for target in request response chunked hpack http2 grpc_web preamble tls; do
    mkdir -p "corpus/$target" "artifacts/$target"
    log="artifacts/$target.log"
    if ! "target/$host/release/$target" -max_total_time="$seconds" -max_len=2048 -timeout=5 -rss_limit_mb=1024 \
        -artifact_prefix="artifacts/$target/" "corpus/$target" "seeds/$target" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz: $target failed; its input is in rust/fuzz/artifacts/$target/" >&2
        exit 1
    fi
    echo "fuzz: $target: $(sed -n 's/^Done \([0-9]*\) runs in \([0-9]*\) second.*/\1 inputs in \2 s, no fault/p' "$log")"
done
