#!/usr/bin/env bash
# The tests of the Spark plugin and the Scala API.
#   plugin.sh possible              whether its jar can be built here
#   plugin.sh test SCALA COMMAND…   runs COMMAND on them, with the jar for this Scala; where there can be none it says loudly that they did not run
set -euo pipefail
cd "$(dirname "$0")/../.."
case "${1:-}" in
  possible) command -v mvn >/dev/null;;
  test)
    jar=build/jars/deepdist-spark_$2.jar
    if [ ! -f "$jar" ]; then
      echo "*** NOT RUN: the Spark plugin and the Scala API with Scala $2. Its jar is built by mvn, which is not here (Debian: apt install maven) ***" >&2; exit 0
    fi
    DEEPDIST_PLUGIN_JAR=$PWD/$jar "${@:3}" python/tests/test_plugin.py python/tests/test_scala.py python/tests/test_connect.py;;
  *) sed -n 2,4p "$0"; exit 2;;
esac
