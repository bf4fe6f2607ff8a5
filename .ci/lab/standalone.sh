#!/usr/bin/env bash
# A real Spark standalone cluster (Master and two Workers, each with one core and its own loopback address) from pip's PySpark.
#   standalone.sh run COMMAND…   starts it, runs COMMAND with SPARK_MASTER set to its URL, stops it whatever happens
# The virtual environment that holds PySpark must be first on PATH. Ports are whatever the system gives, so clusters do not meet.
set -euo pipefail
[ "${1:-}" = run ] && [ $# -ge 2 ] || { sed -n 2,4p "$0"; exit 2; }
shift
lab=$(mktemp -d "${TMPDIR:-/tmp}/deepdist-standalone.XXXXXX")
pids=()
stop() {
  status=$?
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || continue 2; sleep .2; done
    kill -KILL "$pid" 2>/dev/null || true
  done
  if [ "$status" -ne 0 ]; then
    tail -n 15 "$lab"/*.log >&2 || true
    find "$lab" -path '*/app-*' -name stderr -exec tail -n 25 {} + >&2 || true
  fi
  rm -rf "$lab"
  exit "$status"
}
trap stop EXIT INT TERM

SPARK_HOME=$(python -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')
export SPARK_HOME SPARK_DAEMON_MEMORY=256m SPARK_NO_DAEMONIZE=1
daemon() { # name address class arguments…
  SPARK_LOCAL_IP=$2 "$SPARK_HOME/bin/spark-class" "org.apache.spark.deploy.$3" --host "$2" --port 0 --webui-port 0 "${@:4}" > "$lab/$1.log" 2>&1 < /dev/null &
  pids+=($!)
}
await() { # file pattern count
  for _ in $(seq 300); do
    [ "$(grep -c "$2" "$lab/$1" 2>/dev/null || true)" -ge "$3" ] 2>/dev/null && return
    for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || { echo "standalone.sh: a daemon ended" >&2; return 1; }; done
    sleep .2
  done
  echo "standalone.sh: no '$2' within a minute" >&2; return 1
}
daemon master 127.0.0.1 master.Master
await master.log 'Starting Spark master at' 1
SPARK_MASTER=$(grep -om1 'spark://[0-9.:]*' "$lab/master.log")
export SPARK_MASTER
for k in 1 2; do daemon worker$k 127.0.0.$k worker.Worker --cores 1 --memory 1g --work-dir "$lab/worker$k" "$SPARK_MASTER"; done
await master.log 'Registering worker' 2
unset SPARK_NO_DAEMONIZE
"$@"
