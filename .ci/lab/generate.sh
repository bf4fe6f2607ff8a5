#!/usr/bin/env bash
# Generates what is generated: the protocol's Go code from proto/, the kernels' assembly from internal/vec/gen.
#   generate.sh          writes it in place
#   generate.sh verify   writes it aside and fails, showing the difference, if the committed code is another
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
protocol() { # into the folder $1
  (cd proto && PATH="$root/build/bin:$PATH" "$root/.venv/bin/python" -m grpc_tools.protoc -I. --go_out="$1" --go_opt=paths=source_relative \
    --go-grpc_out="$1" --go-grpc_opt=paths=source_relative deepdist/v1/ps.proto)
}
kernels() { # in the copy of the tree at $1
  [ -d "$1/internal/vec/gen" ] || return 0
  (cd "$1/internal/vec" && go generate ./...)
}
case "${1:-}" in
  '') protocol "$root/proto"; kernels "$root";;
  verify)
    aside=$(mktemp -d); trap 'rm -rf "$aside"' EXIT
    mkdir -p "$aside/proto" "$aside/internal"
    protocol "$aside/proto"
    diff -u proto/deepdist/v1/ps.pb.go "$aside/proto/deepdist/v1/ps.pb.go"
    diff -u proto/deepdist/v1/ps_grpc.pb.go "$aside/proto/deepdist/v1/ps_grpc.pb.go"
    cp go.mod go.sum "$aside/"; cp -r internal/vec "$aside/internal/vec"
    kernels "$aside"
    diff -ru internal/vec "$aside/internal/vec"
    echo 'generated code is what its source generates';;
  *) sed -n 2,4p "$0"; exit 2;;
esac
