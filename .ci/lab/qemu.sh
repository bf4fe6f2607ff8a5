#!/usr/bin/env bash
# Runs a command with an emulator of arm64 at hand; on Debian, as root, it installs it first where it is missing. Elsewhere the command
# runs without, and says what it leaves out.
#   qemu.sh COMMAND…
set -euo pipefail
if ! command -v qemu-aarch64-static >/dev/null && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo 'installing qemu-user-static …' >&2
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends qemu-user-static; } >/dev/null ||
    echo 'qemu.sh: qemu-user-static could not be installed' >&2
fi
exec "$@"
