#!/usr/bin/env bash
# A real HDFS of one NameNode and one DataNode (Hadoop 3.4.1, from Maven Central), with blocks of 1 MiB.
#   hdfs.sh run COMMAND…   starts it, runs COMMAND with HDFS_URL set to it, stops it whatever happens
# Where it can't be had, for want of mvn or of its jars, it says so and COMMAND is not run. Ports are whatever the system gives.
set -euo pipefail
[ "${1:-}" = run ] && [ $# -ge 2 ] || { sed -n 2,4p "$0"; exit 2; }
shift
jars=$(cd "$(dirname "$0")/../.." && pwd)/build/hdfs
lab=$(mktemp -d "${TMPDIR:-/tmp}/deepdist-hdfs.XXXXXX")
pids=()
stop() {
  status=$?
  trap - EXIT INT TERM
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  if [ "$status" -ne 0 ]; then tail -n 15 "$lab"/*.log >&2 || true; fi
  rm -rf "$lab"
  exit "$status"
}
trap stop EXIT INT TERM
skip() { echo "hdfs.sh: SKIPPED, not run: $*" >&2; exit 0; }

if [ ! -f "$jars/.done" ]; then
  command -v mvn >/dev/null || skip "the jars of Hadoop come by mvn, which is not here (Debian: apt install maven)"
  mkdir -p "$jars"
  dependency() { echo "<dependency><groupId>org.apache.hadoop</groupId><artifactId>$1</artifactId><version>3.4.1</version></dependency>"; }
  cat > "$jars/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lab</groupId><artifactId>hdfs</artifactId><version>1</version>
<dependencies>$(for name in hadoop-hdfs hadoop-hdfs-client hadoop-common; do dependency $name; done)</dependencies></project>
POM
  timeout 120 mvn -q -B -f "$jars/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars/lib" > "$lab/mvn.log" 2>&1 ||
    { tail -n 3 "$lab/mvn.log" >&2; skip "mvn could not fetch the jars of Hadoop"; }
  touch "$jars/.done"
fi

cd "$lab"
mkdir -p conf/webapps/hdfs conf/webapps/datanode # both daemons end without these folders
printf '%s\n' 'log4j.rootLogger=INFO,c' 'log4j.appender.c=org.apache.log4j.ConsoleAppender' 'log4j.appender.c.layout=org.apache.log4j.PatternLayout' \
  'log4j.appender.c.layout.ConversionPattern=%p %c{1}: %m%n' > conf/log4j.properties
HDFS_URL=hdfs://127.0.0.1:$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
export HDFS_URL
property() { echo "<property><name>$1</name><value>$2</value></property>"; }
echo "<configuration>$(property fs.defaultFS "$HDFS_URL")</configuration>" > conf/core-site.xml
{ echo '<configuration>'
  property dfs.replication 1; property dfs.blocksize 1048576; property dfs.namenode.fs-limits.min-block-size 1048576
  property dfs.namenode.name.dir "$lab/name"; property dfs.datanode.data.dir "$lab/data"; property dfs.datanode.hostname 127.0.0.1
  for name in namenode.http-address datanode.address datanode.http.address datanode.ipc.address; do property "dfs.$name" 127.0.0.1:0; done
  echo '</configuration>'; } > conf/hdfs-site.xml
daemon() { exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --add-opens java.base/java.lang=ALL-UNNAMED -cp "conf:$jars/lib/*" "org.apache.hadoop.hdfs.server.$1" "${@:2}" < /dev/null; }
(daemon namenode.NameNode -format -nonInteractive) > format.log 2>&1
daemon namenode.NameNode > namenode.log 2>&1 & pids+=($!); disown
daemon datanode.DataNode > datanode.log 2>&1 & pids+=($!); disown
for _ in $(seq 300); do
  grep -q 'registerDatanode: from' namenode.log && break
  for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || { echo 'hdfs.sh: a daemon ended' >&2; exit 1; }; done
  sleep .2
done
grep -q 'registerDatanode: from' namenode.log || { echo 'hdfs.sh: no DataNode within a minute' >&2; exit 1; }
cd "$OLDPWD"
"$@"
