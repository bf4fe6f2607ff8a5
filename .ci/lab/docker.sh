#!/usr/bin/env bash
# A Docker engine with Compose: the one that is there, or else one of its own, for as long as it is needed.
#   docker.sh run COMMAND…   runs COMMAND with `docker compose` at hand; an engine of its own is stopped whatever happens
#   docker.sh clean          removes what it keeps for the next time, in ~/.cache/deepdist/docker or DOCKER_LAB
# Its own engine needs Debian 12, root and Go: docker.io, Compose and BuildKit of Debian 13. It reaches no image registry: base
# images are made by debootstrap, under the names of the public ones that docker/Dockerfile builds on. They stand in for them with other
# users, paths and versions, and hold this machine's certificates: never publish what is built on them.
# Where no engine can be had, it says so and COMMAND is not run. Firewall and forwarding are put back as they were.
set -euo pipefail
lab=${DOCKER_LAB:-${XDG_CACHE_HOME:-$HOME/.cache}/deepdist/docker}

alive() { [ -s "$lab/dockerd.pid" ] && [ "$(cat "/proc/$(cat "$lab/dockerd.pid")/comm" 2>/dev/null)" = dockerd ]; }
have() { docker image inspect "$1" > /dev/null 2>&1; }

# mirror is the address by which this machine's apt knows Debian.
mirror() {
  # shellcheck disable=SC2016 # apt's own $
  apt-get indextargets --format '$(RELEASE) $(REPO_URI)' 2> /dev/null | awk '$1 == "bookworm" { uri = $2 } END { print uri ? uri : "http://deb.debian.org/debian" }'
}

# install brings the programs; what is there already is left alone. Debian 12 has no Compose of version 2: that and BuildKit are taken out of
# Debian 13's packages, beside apt's own state, into a folder that only this engine's client looks at.
install() {
  if ! command -v dockerd > /dev/null || ! command -v iptables > /dev/null || ! command -v debootstrap > /dev/null; then
    echo 'docker.sh: installing docker.io, iptables and debootstrap …' >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io iptables debootstrap; } > "$lab/apt.log" 2>&1 ||
      { tail -n 5 "$lab/apt.log" >&2; return 1; }
  fi
  local plugins=$lab/config/cli-plugins debian=$lab/debian
  [ -x "$plugins/docker-compose" ] && [ -x "$plugins/docker-buildx" ] && return
  mkdir -p "$plugins" "$debian/lists/partial" "$debian/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(mirror) trixie main" > "$debian/sources.list"
  local apt=(apt-get -qq -o "Dir::Etc::SourceList=$debian/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$debian/lists"
    -o "Dir::Cache=$debian" -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o APT::Sandbox::User=root)
  { "${apt[@]}" update && (cd "$debian" && "${apt[@]}" download docker-compose docker-buildx); } > "$lab/apt.log" 2>&1 || { tail -n 5 "$lab/apt.log" >&2; return 1; }
  for package in "$debian"/*.deb; do dpkg -x "$package" "$debian"; done
  mv "$debian"/usr/libexec/docker/cli-plugins/docker-{compose,buildx} "$plugins/"
  rm -rf "$debian"
}

start() {
  alive && return
  # What an engine that was killed has left is not what was there before it: the first note stays until it is used, and without a note,
  # rules of bridges that no engine runs any more would turn the addresses of this one's containers into the gateway's.
  if [ ! -f "$lab/before.iptables" ]; then
    local stale='DOCKER|docker0|br-[0-9a-f]{12}'
    if ! pgrep -x dockerd > /dev/null && iptables-save | grep -E "$stale" > /dev/null; then
      iptables-save | grep -Ev "$stale" > "$lab/clean.iptables"
      iptables-restore < "$lab/clean.iptables"
    fi
    sysctl -n net.ipv4.ip_forward > "$lab/before.forward"
    iptables-save > "$lab/before.iptables"
  fi
  rm -f "$lab/dockerd.pid"
  setsid dockerd --host "$DOCKER_HOST" --data-root "$lab/data" --exec-root "$lab/exec" --pidfile "$lab/dockerd.pid" \
    > "$lab/dockerd.log" 2>&1 < /dev/null 9>&- &
  for _ in $(seq 240); do docker version > /dev/null 2>&1 && return; sleep .5; done
  tail -n 10 "$lab/dockerd.log" >&2
  return 1
}

stop() {
  if alive; then
    local pid; pid=$(cat "$lab/dockerd.pid")
    # what a command that was killed has left: networks would come back with their interfaces at the next start
    { docker ps --all --quiet | xargs -r docker rm --force --volumes; docker network prune --force; docker volume prune --force; } > /dev/null 2>&1 || true
    kill "$pid"
    for _ in $(seq 120); do [ -d "/proc/$pid" ] || break; sleep .5; done
  fi
  ip link delete docker0 2> /dev/null || true
  rmdir /sys/fs/cgroup/docker /sys/fs/cgroup/*/docker 2> /dev/null || true
  [ -f "$lab/before.iptables" ] || return 0
  for table in filter nat; do iptables -t $table -P FORWARD ACCEPT 2> /dev/null || true; iptables -t $table -F; iptables -t $table -X; done
  iptables-restore < "$lab/before.iptables"
  sysctl -qw "net.ipv4.ip_forward=$(cat "$lab/before.forward")"
  rm -f "$lab"/before.*
}

# bases makes the images that docker/Dockerfile names, as far as it relies on them.
bases() {
  local root=$lab/root trust=/etc/ssl/certs/ca-certificates.crt
  local apt='apt-get update -qq && apt-get install -y -qq --no-install-recommends' clean='rm -rf /var/lib/apt/lists/*'
  if ! have debian:bookworm-slim; then
    echo 'docker.sh: making base images …' >&2
    rm -rf "$root"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$(mirror)" > "$lab/debootstrap.log" 2>&1 ||
      { tail -n 5 "$lab/debootstrap.log" >&2; return 1; }
    cp /usr/local/share/ca-certificates/*.crt "$root/usr/local/share/ca-certificates/" 2> /dev/null || true
    chroot "$root" update-ca-certificates > /dev/null 2>&1
    cp /etc/apt/apt.conf.d/99* "$root/etc/apt/apt.conf.d/" 2> /dev/null || true
    [ ! -f /etc/apt/sources.list.d/debian.sources ] || { cp /etc/apt/sources.list.d/debian.sources "$root/etc/apt/sources.list.d/"; rm -f "$root/etc/apt/sources.list"; }
    tar -C "$root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*_*' --exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
      --exclude='./usr/share/locale/*' -c . |
      docker import -c 'CMD ["bash"]' -c "ENV PIP_CERT=$trust" -c "ENV SSL_CERT_FILE=$trust" - debian:bookworm-slim > /dev/null
    rm -rf "$root"
  fi
  have python:3.11-slim-bookworm || docker build -q -t python:3.11-slim-bookworm - > /dev/null <<FILE
FROM debian:bookworm-slim
RUN $apt python3 python3-pip python3-venv > /dev/null && $clean && ln -s /usr/bin/python3 /usr/local/bin/python && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED
FILE
  have eclipse-temurin:17-jre || docker build -q -t eclipse-temurin:17-jre - > /dev/null <<FILE
FROM debian:bookworm-slim
RUN mkdir -p /usr/share/man/man1 && $apt openjdk-17-jre-headless > /dev/null && $clean
ENV JAVA_HOME=/usr/lib/jvm/java-17-openjdk-$(dpkg --print-architecture)
FILE
  have golang:1.26-bookworm || {
    local context; context=$(mktemp -d)
    printf '%s\n' 'FROM debian:bookworm-slim' 'COPY go /usr/local/go' \
      'ENV GOTOOLCHAIN=local GOPATH=/go PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' > "$context/Dockerfile"
    tar --transform 's,^\./,go/,' -C "$(go env GOROOT)" --exclude=./test --exclude=./api --exclude=./doc -c . -C "$context" Dockerfile |
      docker build -q -t golang:1.26-bookworm - > /dev/null
    rm -rf "$context"
  }
}

skip() { echo "docker.sh: SKIPPED, not run: $*" >&2; exit 0; }

case ${1:-} in
  run)
    [ $# -ge 2 ] || { sed -n 3,4p "$0"; exit 2; }
    shift
    if docker version > /dev/null 2>&1; then
      docker compose version 2> /dev/null | grep 'v\?[2-9]\.' > /dev/null || skip 'the Docker engine here has no Compose of version 2 (Debian: apt install docker-compose-plugin)'
      exec "$@"
    fi
    [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || skip 'no Docker engine is here that this user may use, and only root on Debian can start one'
    command -v go > /dev/null || skip 'there is no Docker engine here, and one of its own needs Go 1.26'
    mkdir -p "$lab"
    exec 9> /var/lock/deepdist-docker # one at a time on this machine: its firewall is one
    flock --nonblock 9 || { echo 'docker.sh: waiting until another of its engines has ended …' >&2; flock 9; }
    export DOCKER_HOST=unix://$lab/docker.sock DOCKER_CONFIG=$lab/config
    install || skip 'no Docker engine is here, and its packages could not be had (see above)'
    trap 'status=$?; trap - EXIT INT TERM; stop; exit $status' EXIT INT TERM
    start || skip 'dockerd does not start on this machine (see above)'
    bases
    "$@";;
  clean)
    alive && { echo "docker.sh: its engine is running: process $(cat "$lab/dockerd.pid")" >&2; exit 1; }
    rm -rf "$lab";;
  *) sed -n 3,4p "$0"; exit 2;;
esac
