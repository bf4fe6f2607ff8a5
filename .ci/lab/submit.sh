#!/usr/bin/env bash
# Submits a check beside it to the cluster at SPARK_MASTER, as a person would: the sidecar comes along by --files, nothing else.
#   submit.sh [CHECK]   submitted.py, unless another one is named
set -euo pipefail
cd "$(dirname "$0")/../.."
exec spark-submit --master "$SPARK_MASTER" --files bin/deepdist-sidecar --conf spark.ui.enabled=false --conf spark.log.level=ERROR \
  --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 ".ci/lab/${1:-submitted.py}"
