#!/usr/bin/env bash
# Runs a command with Chromium at hand; on Debian, as root, it installs it first where it is missing.
#   chromium.sh COMMAND…
set -euo pipefail
if [ -z "${CHROMIUM:-}" ] && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'installing chromium …' >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  else
    echo 'chromium.sh: Chromium is missing: install it (Debian: apt install chromium), or name one in CHROMIUM=' >&2; exit 1
  fi
fi
exec "$@"
