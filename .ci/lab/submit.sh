#!/usr/bin/env bash
# Submits the check beside it to the cluster at SPARK_MASTER, as a person would, once for each way in which the sidecar comes to the executors;
# then asks `deepdist doctor` what it thinks of the cluster.
#   submit.sh [WAY…]   files, addFile, archives; without one: all of them
set -euo pipefail
cd "$(dirname "$0")/../.."
submit() {
  spark-submit --master "$SPARK_MASTER" --conf spark.ui.enabled=false --conf spark.log.level=ERROR \
    --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 "$@"
}
[ $# -gt 0 ] || set -- files addFile archives
for way; do
  case $way in
    files) submit --files bin/deepdist-sidecar .ci/lab/submitted.py files;;
    addFile) submit .ci/lab/submitted.py addFile;;
    archives) PYSPARK_PYTHON=./environment/bin/python submit --archives build/environment.tar.gz#environment --conf spark.deepdist.ship=false \
      .ci/lab/submitted.py archives;;
    *) sed -n 2,4p "$0"; exit 2;;
  esac
done
deepdist doctor --master "$SPARK_MASTER"
