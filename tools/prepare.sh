#!/bin/sh
# Make .venv hold exactly what a lock says, and this project as it stands here (editable).
#
#   sh tools/prepare.sh requirements.lock
#
# Every package is checked against its hash. uv is used when it is there, else venv and pip. Why --no-build-isolation: the build
# backend comes from the lock too, so nothing is installed that the lock does not name.
set -eu

lock=$1
venv=.venv

newest_python() {
    for name in python3.13 python3.12 python3.11 python3 python; do
        # Tried, not looked up: a name may be a shim with nothing behind it, or a Python that cannot make environments.
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo "Python 3.11 or newer with its venv module is needed (Debian: apt-get install python3-venv)" >&2
    exit 1
}

if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    rm -rf "$venv"
    python=$(newest_python)
    echo "making $venv with $("$python" -V)"
    if command -v uv >/dev/null 2>&1; then
        uv venv --quiet --seed --python "$(command -v "$python")" "$venv"
    else
        "$python" -m venv "$venv" || { rm -rf "$venv"; exit 1; }
    fi
fi

echo "installing what $lock says"
if command -v uv >/dev/null 2>&1; then
    uv pip install --quiet --python "$venv/bin/python" --require-hashes -r "$lock"
    uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation --editable .
else
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
