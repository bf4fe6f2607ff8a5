#!/usr/bin/env bash
# An environment with PyTorch for CPUs, .venv-torch, and the tests that need it.
#   torch.sh install PYTHON   makes it
#   torch.sh possible         whether this machine can
#   torch.sh test             runs the tests; where there can be no environment it says loudly that they did not run
# PyPI's only build of torch for Linux on x86-64 brings CUDA's libraries along, several gigabytes; the small one lies on PyTorch's own index,
# which not every machine reaches. Debian 12 packs PyTorch 1.13 for CPUs (151 MB with what it needs, half a minute), built for
# Python 3.11 and NumPy 1: the environment links that package and has NumPy 1.26.
set -euo pipefail
cd "$(dirname "$0")/../.."
debian=/usr/lib/python3/dist-packages/torch
possible() { [ -d $debian ] || { [ "$(id -u)" = 0 ] && grep -q '^VERSION_ID="12"' /etc/os-release && grep -q '^ID=debian' /etc/os-release; }; }
install() {
  "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "torch.sh: Debian's PyTorch is for Python 3.11, $1 is another; name one with PYTHON=" >&2; return 1; }
  if [ ! -d $debian ]; then
    possible || { echo "torch.sh: this is not Debian 12 with root's rights: put a PyTorch of your own into an environment and run pytest python/tests/examples/test_pytorch_mlp.py there" >&2; return 1; }
    echo 'installing python3-torch …' >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-torch >/dev/null
  fi
  .ci/lab/venv.sh "$1" .venv-torch python/requirements-torch.txt
  rm .venv-torch/.made
  for package in torch torchgen; do ln -sfn "${debian%/*}/$package" .venv-torch/lib/python3.11/site-packages/$package; done
  .venv-torch/bin/python -c 'import torch; torch.ones(2).numpy()'
  touch .venv-torch/.made
}
case "${1:-}" in
  install) install "$2";;
  possible) possible;;
  test)
    if [ ! -f .venv-torch/.made ]; then
      echo '*** NOT RUN: the PyTorch example. This machine is not Debian 12 with root rights; see .ci/lab/torch.sh ***' >&2; exit 0
    fi
    .venv-torch/bin/python -m pytest -q python/tests/examples/test_pytorch_mlp.py;;
  *) sed -n 2,5p "$0"; exit 2;;
esac
