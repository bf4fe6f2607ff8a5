#!/usr/bin/env bash
# Submits a check beside it to the cluster at SPARK_MASTER, as a person would.
#   submit.sh          submitted.py, once for each way in which the sidecar comes to the executors: files, addFile, archives; then `deepdist doctor`
#   submit.sh WAY…     only these, doctor among them; or placed: placed.py, of files in HDFS
set -euo pipefail
cd "$(dirname "$0")/../.."
submit() {
  spark-submit --master "$SPARK_MASTER" --conf spark.ui.enabled=false --conf spark.log.level=ERROR \
    --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 "$@"
}
[ $# -gt 0 ] || set -- files addFile archives doctor
for way; do
  case $way in
    files) submit --files bin/deepdist-sidecar .ci/lab/submitted.py files;;
    addFile) submit .ci/lab/submitted.py addFile;;
    archives) PYSPARK_PYTHON=./environment/bin/python submit --archives build/environment.tar.gz#environment --conf spark.deepdist.ship=false \
      .ci/lab/submitted.py archives;;
    placed) submit --files bin/deepdist-sidecar .ci/lab/placed.py;;
    doctor) deepdist doctor --master "$SPARK_MASTER";;
    *) sed -n 2,4p "$0"; exit 2;;
  esac
done
