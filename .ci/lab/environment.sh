#!/usr/bin/env bash
# A packed environment for executors, as a user makes one for --archives: the wheel and what it depends on, in the versions of the tests.
#   environment.sh PYTHON ARCHIVE.tar.gz
set -euo pipefail
archive=$(realpath -m "$2")
python=$("$1" -c 'import sys; print(sys._base_executable)')
cd "$(dirname "$0")/../.."
lab=$(mktemp -d "${TMPDIR:-/tmp}/deepdist-environment.XXXXXX")
trap 'rm -rf "$lab"' EXIT
grep -v '^#' python/requirements-spark4.txt > "$lab/versions"
"$python" -m venv "$lab/environment"
"$lab/environment/bin/python" -m pip install -q -c "$lab/versions" build/dist/deepdist_spark-*_"$(uname -m)".whl
.venv/bin/venv-pack -q -f --compress-level 1 -p "$lab/environment" -o "$archive"
