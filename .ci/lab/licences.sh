#!/usr/bin/env bash
# Gathers the licences of the Go modules that psserver and the sidecar are linked from: whoever passes the programs on passes these on too.
#   licences.sh FILE
set -euo pipefail
cd "$(dirname "$0")/../.."
go=${GO:-go} file=$1
mkdir -p "$(dirname "$file")"
{
  echo 'psserver and deepdist-sidecar contain code of the Go standard library and of the modules below, under these licences.'
  modules=$("$go" list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./psserver ./sidecar | sort -u)
  while read -r module version folder; do
    texts=$(find "$folder" -maxdepth 1 -type f \( -iname 'licen[cs]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'patents*' \) ! -name '*.go' | sort)
    [ -n "$texts" ] || { echo "licences.sh: $module has no licence in $folder" >&2; exit 1; }
    for text in $texts; do printf '\n======== %s %s: %s\n\n' "$module" "$version" "${text##*/}"; cat "$text"; done
  done <<< "Go $("$go" env GOVERSION) $("$go" env GOROOT)"$'\n'"$modules"
} > "$file.part"
mv "$file.part" "$file"
