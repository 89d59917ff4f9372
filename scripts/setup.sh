#!/bin/sh
# Makes .venv: a supported Python with everything that requirements/dev.txt pins. Leaves the user's own Python untouched.
#
#   PYTHON=/path/to/python  the interpreter of a new .venv (default: python3 or python on PATH, else the newest supported)
#   UV=/path/to/uv          the uv to use (default: the one on PATH, else the pinned one from PyPI, kept in .cache)
#   UV_TORCH_BACKEND=auto   PyTorch with what this machine has (default: cpu where PyTorch's own index can be reached)
#
# What is going to happen, and how long it takes, is said before it does.
# Whatever is missing is said in one line, with exit status 1.
set -eu
cd "$(dirname "$0")/.."

requirements=requirements/dev.txt

refuse() {
    echo "setup: $*" >&2
    exit 1
}

# check_cargo: the minimum is the workspace's own rust-version.
check_cargo() {
    needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' rust/Cargo.toml)
    command -v cargo >/dev/null || refuse "cargo is missing: install Rust $needed or newer (https://rustup.rs)"
    found=$(cargo --version | sed 's/^cargo \([0-9.]*\).*/\1/')
    oldest=$(printf '%s\n%s\n' "$needed" "$found" | sort -t . -k 1,1n -k 2,2n | head -n 1)
    [ "$oldest" = "$needed" ] || refuse "cargo $found is too old: evalengine needs $needed or newer (rustup update)"
    command -v cc >/dev/null || refuse "cc is missing: cargo links with it (Debian: gcc; macOS: xcode-select --install)"
}

# is_supported PYTHON: 64-bit CPython with the GIL, of a version for which the pinned references have wheels.
is_supported() {
    "$1" -c '
import sys, sysconfig
ok = (3, 11) <= sys.version_info[:2] <= (3, 13) and sys.implementation.name == "cpython" and sys.maxsize > 2**32
sys.exit(not ok or bool(sysconfig.get_config_var("Py_GIL_DISABLED")))' 2>/dev/null
}

find_python() {
    if [ -n "${PYTHON:-}" ]; then
        is_supported "$PYTHON" || refuse "PYTHON=$PYTHON is not a 64-bit CPython 3.11, 3.12 or 3.13"
        echo "$PYTHON"
        return
    fi
    for candidate in python3 python python3.13 python3.12 python3.11; do
        if is_supported "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    refuse "no 64-bit CPython 3.11, 3.12 or 3.13 on PATH: install one, or name it: make PYTHON=/path/to/python"
}

# find_uv PYTHON: prints a uv that runs; a shim on PATH that does not run counts as missing.
find_uv() {
    for candidate in "${UV:-uv}" .venv/bin/uv .cache/uv/bin/uv .cache/uv-venv/bin/uv; do
        if "$candidate" --version >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    [ -z "${UV:-}" ] || refuse "UV=$UV does not run"
    pin=$(grep '^uv==' $requirements)
    echo "setup: uv is not on PATH: taking $pin from PyPI into .cache" >&2
    quiet="install --quiet --disable-pip-version-check --root-user-action ignore"
    if "$1" -m pip --version >/dev/null 2>&1; then
        "$1" -m pip $quiet --target .cache/uv "$pin" >&2 && echo .cache/uv/bin/uv && return
    elif "$1" -m venv .cache/uv-venv >/dev/null 2>&1; then
        .cache/uv-venv/bin/python -m pip $quiet "$pin" >&2 && echo .cache/uv-venv/bin/uv && return
    else
        refuse "$1 has neither pip nor venv, so uv cannot be installed: install uv, or Python's pip (Debian: python3-pip)"
    fi
    refuse "$pin could not be installed from PyPI: see above"
}

# choose_torch UV: nothing here needs a GPU. PyPI's PyTorch for Linux brings CUDA; PyTorch's own index has one without.
choose_torch() {
    pin=$(grep '^torch==' $requirements)
    version='import importlib.metadata as installed; print("torch==" + installed.version("torch").partition("+")[0])'
    if [ -n "${UV_TORCH_BACKEND:-}" ] || [ "$(.venv/bin/python -c "$version" 2>/dev/null)" = "$pin" ]; then
        return
    fi
    if UV_HTTP_RETRIES=0 UV_HTTP_TIMEOUT=10 "$1" pip install --quiet --dry-run --no-deps --torch-backend cpu \
        --python .venv/bin/python "$pin" >/dev/null 2>&1; then
        export UV_TORCH_BACKEND=cpu
    else
        echo "setup: https://download.pytorch.org cannot be reached: PyPI's PyTorch brings CUDA, .venv will take 6.6 GB" >&2
    fi
}

check_cargo
if ! is_supported .venv/bin/python; then
    python=$(find_python)
    uv=$(find_uv "$python")
    rm -rf .venv
    "$uv" venv --quiet --python "$("$python" -c 'import sys; print(sys.executable)')" .venv
else
    uv=$(find_uv .venv/bin/python)
fi
choose_torch "$uv"
echo "setup: downloading what $requirements pins into .venv: minutes, most of them PyTorch's" >&2
"$uv" pip install --python .venv/bin/python --requirements $requirements
