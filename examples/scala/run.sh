#!/usr/bin/env bash
# Compiles WordVectors.scala with the compiler that Spark brings along, and submits it to local Spark, with the plugin.
#   run.sh [FOLDER]    FOLDER is where the models are saved (default: word_vectors_models)
# It needs `spark-submit` of Spark 4 or 3.5 on PATH, and `make build plugin` before.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$(realpath -m "${1:-word_vectors_models}")
spark=$(dirname "$(dirname "$(realpath "$(command -v spark-submit)")")")
[ -d "$spark/jars" ] || spark=$(python3 -c 'import os, pyspark; print(os.path.dirname(pyspark.__file__))')   # as pip installs it
scala=$(basename "$spark"/jars/spark-core_*.jar | sed 's/spark-core_\(2\.1[23]\).*/\1/')
plugin=$here/../../build/jars/deepdist-spark_$scala.jar
mkdir -p "$folder"
${JAVA_HOME:+"$JAVA_HOME/bin/"}java -cp "$spark/jars/*" scala.tools.nsc.Main -usejavacp -cp "$plugin" -d "$folder/app.jar" "$here/WordVectors.scala"
spark-submit --master 'local[2]' --jars "$plugin" --conf spark.plugins=deepdist.DeepDistPlugin --conf spark.ui.enabled=false \
  --conf spark.log.level=ERROR --conf spark.deepdist.page=off --class WordVectors "$folder/app.jar" "file://$here/../sample/part-0[01].txt.bz2" "file://$folder"
