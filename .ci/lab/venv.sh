#!/usr/bin/env bash
# A virtual environment with exactly what a requirements file names, and the deepdist package, editable.
#   venv.sh PYTHON FOLDER REQUIREMENTS
# FOLDER/.made says that it is complete; a broken-off install starts again from nothing.
set -euo pipefail
folder=$2 requirements=$3
python=$("$1" -c 'import sys; print(sys._base_executable)') # not that of an environment, perhaps the very one that is made anew
cd "$(dirname "$0")/../.."
rm -rf "$folder"
"$python" -m venv "$folder"
echo "installing $requirements into $folder …" >&2
"$folder/bin/python" -m pip install -q --no-deps -r "$requirements"
"$folder/bin/python" -m pip install -q --no-deps --no-build-isolation -e python
"$folder/bin/python" -m pip check >&2 || [ "$folder" = .venv-torch ]
touch "$folder/.made"
