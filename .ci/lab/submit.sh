#!/usr/bin/env bash
# Submits the check beside it to the cluster at SPARK_MASTER, as a person would: the sidecar comes along by --files, nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec spark-submit --master "$SPARK_MASTER" --files bin/deepdist-sidecar --conf spark.ui.enabled=false --conf spark.log.level=ERROR \
  --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 .ci/lab/submitted.py
