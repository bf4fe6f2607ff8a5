#!/usr/bin/env bash
# Runs a command with headless Chromium and its driver at hand; on Debian, as root, it installs them first where they are missing.
#   chromium.sh COMMAND…
set -euo pipefail
if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo 'installing chromium and chromium-driver …' >&2
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver >/dev/null
  else
    echo 'chromium.sh: Chromium and ChromeDriver are missing: install them (Debian: apt install chromium chromium-driver)' >&2; exit 1
  fi
fi
exec "$@"
