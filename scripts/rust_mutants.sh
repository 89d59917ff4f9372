#!/bin/sh
# Changes the Rust crates one expression at a time (cargo-mutants) and lists the changes that no test notices.
#
#   scripts/rust_mutants.sh [CRATE...] [-- OPTION...]   options are cargo-mutants' own: `policy -- --shard 0/8`
#
# Each crate's own tests judge it. Findings lie in .cache/mutants/CRATE/mutants.out; the status is 0 if nothing lived.
# What is left out, and why: rust/.cargo/mutants.toml. cargo-mutants is the one on PATH or in .cache, else it is built.
set -eu
cd "$(dirname "$0")/.."

version=27.1.0

# That a property fails is all that is asked; to look for its smallest case may take minutes, for every mutant.
export PROPTEST_MAX_SHRINK_ITERS=0
# Cases that one mutant failed would be tried on the next.
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=1
# As in .cargo/config.toml, which does not reach the copies of rust/ that are changed.
export PROPTEST_RNG_SEED="${PROPTEST_RNG_SEED:-20240501}"

# find_mutants: prints a cargo-mutants of the pinned version; others make other mutants.
find_mutants() {
    for candidate in cargo-mutants .cache/cargo-mutants/bin/cargo-mutants; do
        if [ "$("$candidate" mutants --version 2>/dev/null)" = "cargo-mutants $version" ]; then
            echo "$candidate"
            return
        fi
    done
    echo "mutants: cargo-mutants $version is not on PATH: building it into .cache" >&2
    cargo install cargo-mutants --version $version --locked --quiet --root .cache/cargo-mutants >&2
    echo .cache/cargo-mutants/bin/cargo-mutants
}

# optimisation CRATE: the level at which building and testing it once takes least. The kernels of `policy` take 90 seconds
# to optimise, and 6 to compile as they are; their tests then take 50 instead of 10, and most mutants fall earlier.
optimisation() {
    if [ "$1" = policy ]; then echo 0; else echo 1; fi
}

crates=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    crates="$crates $1"
    shift
done
[ $# -eq 0 ] || shift
mutants=$(find_mutants)
status=0
for crate in ${crates:-numpy-rng policy engine}; do
    echo "== $crate"
    mkdir -p ".cache/mutants/$crate"
    "$mutants" mutants --manifest-path rust/Cargo.toml --package "$crate" --output ".cache/mutants/$crate" \
        --cargo-arg --config --cargo-arg "profile.mutants.package.$crate.opt-level=$(optimisation "$crate")" "$@" || status=$?
done
exit $status
