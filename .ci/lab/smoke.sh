#!/usr/bin/env bash
# The local cluster of docker/ for real, on the Docker engine at hand: images built, everything up and healthy, `train` run from the sample
# to vectors on HDFS with a worker's container killed halfway, the vectors checked, the notebook run on what is left, everything removed.
# It has names and ports of its own, so it meets no cluster that is up already.
set -euo pipefail
cd "$(dirname "$0")/../.."
export COMPOSE_PROJECT_NAME=deepdist-smoke-$$ COMPOSE_FILE=docker/compose.yaml COMPOSE_PROGRESS=plain COMPOSE_ANSI=never DEEPDIST_TAG=smoke-$$
for port in HDFS SPARK HISTORY JUPYTER NOTEBOOK_PAGE PAGE; do export "DEEPDIST_${port}_PORT=0"; done # any that is free
export JUPYTER_TOKEN; JUPYTER_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
logs=$(mktemp -d "${TMPDIR:-/tmp}/deepdist-smoke.XXXXXX")
driver=$COMPOSE_PROJECT_NAME-driver
check() { python3 .ci/lab/smoke.py "$@"; }
said=nothing
say() { said=$*; echo "smoke: $* (at ${SECONDS}s)"; }
stop() {
  status=$?
  trap - EXIT INT TERM
  if [ "$status" -ne 0 ]; then
    docker compose logs --no-color --tail 40 >&2 || true
    docker compose ps --all >&2 || true
    (cd "$logs" && ls -tr | xargs tail -n 60) >&2 || true # what ran last comes last
    echo "smoke.sh: exit $status; the last that went well: $said" >&2
  fi
  docker rm --force "$driver" > /dev/null 2>&1 || true
  docker compose --profile '*' down --volumes --remove-orphans --rmi all --timeout 5 > "$logs/down.log" 2>&1 || { tail -n 20 "$logs/down.log" >&2; status=1; }
  left=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker volume ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker network ls --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME"
    docker images --quiet "deepdist-*:$DEEPDIST_TAG"
    docker images --all --quiet --filter "label=com.docker.compose.project=$COMPOSE_PROJECT_NAME")
  [ -z "$left" ] || { echo "smoke.sh: left behind: $left" >&2; status=1; }
  rm -rf "$logs"
  [ "$status" -ne 0 ] || { say 'all removed'; echo '1 passed, 0 failed'; }
  exit "$status"
}
trap stop EXIT INT TERM

timeout 1500 docker compose build namenode master jupyter > "$logs/build.log" 2>&1
say 'images built'
docker images --format '  {{.Repository}} {{.Size}}' --filter "reference=deepdist-*:$DEEPDIST_TAG"
docker compose up --detach --wait --wait-timeout 600 > "$logs/up.log" 2>&1
say 'all up and healthy'
docker compose ps --all --quiet | xargs docker inspect | check containers

timeout 1200 docker compose run --rm --no-TTY --service-ports --name "$driver" train --epochs 40 > "$logs/train.log" 2>&1 &
training=$!
page() { local ports; ports=$(docker port "$driver" 5000/tcp 2> /dev/null) && echo "${ports%%$'\n'*}"; }
until [ -n "$(page)" ]; do kill -0 "$training" 2> /dev/null || { wait "$training"; exit 1; }; sleep .5; done
workers=$(docker compose ps --quiet worker)
victim=${workers%%$'\n'*}
check halfway "$driver" "$(page)" "$(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$victim")"
docker kill "$victim" > /dev/null
say 'trained a part; a worker killed'
wait "$training"
say 'trained to the end'
grep -v '^[0-9:]* WARN\|^[0-9:]* ERROR' "$logs/train.log" | tail -n 40
check output < "$logs/train.log"

docker compose exec -T namenode hdfs dfs -cat /models/word2vec.txt > "$logs/vectors.txt"
check vectors < "$logs/vectors.txt"
rm "$logs/vectors.txt"
check pages "$(docker compose port master 8080)" "$(docker compose port history 18080)" "$(docker compose port namenode 9870)" "$(docker compose port jupyter 8888)"
docker compose exec -T jupyter jupyter nbconvert --to notebook --execute --ExecutePreprocessor.timeout=300 --output-dir /tmp /notebooks/word2vec.ipynb > "$logs/notebook.log" 2>&1
docker compose exec -T jupyter cat /tmp/word2vec.ipynb | check notebook
say 'vectors, pages and the notebook checked'
