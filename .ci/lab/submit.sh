#!/usr/bin/env bash
# Submits a check beside it to the cluster at SPARK_MASTER, as a person would.
#   submit.sh          submitted.py, once for each way in which the sidecar comes to the executors: files, addFile, archives, plugin; then `deepdist doctor`
#   submit.sh WAY…     only these, doctor among them; or placed: placed.py, of files in HDFS
# and to YARN (yarn.sh): on_yarn.py by client, cluster (both programs by --files) or cluster-archives (both in an environment)
set -euo pipefail
cd "$(dirname "$0")/../.."
submit() {
  spark-submit --master "$SPARK_MASTER" --conf spark.ui.enabled=false --conf spark.log.level=ERROR \
    --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 "$@"
}
yarn() { # mode way arguments…
  # Spark's jars are on each machine of this cluster of one; without spark.yarn.jars they are sent by each spark-submit, 400 MB of them.
  spark-submit --master yarn --deploy-mode "$1" --conf spark.yarn.jars="local:$(python -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')/jars/*" \
    --conf spark.ui.enabled=false --num-executors 2 --executor-cores 1 --executor-memory 512m --driver-memory 512m --conf spark.log.level=ERROR \
    "${@:3}" .ci/lab/on_yarn.py "$2"
  "${DEEPDIST_BIN:-bin}/psserver" get "hdfs:///vectors-$2" | grep -ax '300 16' > /dev/null # where the driver has left them
  echo "on YARN, $2: its vectors are in HDFS: 1 passed, 0 failed"
}
[ $# -gt 0 ] || set -- files addFile archives plugin doctor
for way; do
  case $way in
    files) submit --files bin/deepdist-sidecar .ci/lab/submitted.py files;;
    addFile) submit .ci/lab/submitted.py addFile;;
    archives) PYSPARK_PYTHON=./environment/bin/python submit --archives build/environment.tar.gz#environment --conf spark.deepdist.ship=false \
      .ci/lab/submitted.py archives;;
    plugin)
      if ! jar=$(deepdist jar-path 2> /dev/null); then
        echo '*** NOT RUN: the Spark plugin on a standalone cluster. There is no jar of it: `make plugin` builds one, with mvn ***' >&2; continue
      fi
      submit --jars "$jar" --files bin/deepdist-sidecar --conf spark.plugins=deepdist.DeepDistPlugin .ci/lab/submitted.py plugin;;
    placed) submit --files bin/deepdist-sidecar .ci/lab/placed.py;;
    client) yarn client client --files bin/deepdist-sidecar --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1;;
    cluster) yarn cluster cluster --files bin/deepdist-sidecar,bin/psserver --conf spark.deepdist.psserver.path=./psserver;;
    cluster-archives) unset PYSPARK_DRIVER_PYTHON # which would be the driver's in its container too
      yarn cluster cluster-archives --archives build/environment.tar.gz#environment --conf spark.yarn.appMasterEnv.PYSPARK_PYTHON=./environment/bin/python \
        --conf spark.deepdist.ship=false;;
    doctor) deepdist doctor --master "$SPARK_MASTER";;
    *) sed -n 2,5p "$0"; exit 2;;
  esac
done
