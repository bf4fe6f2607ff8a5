#!/usr/bin/env bash
# A real YARN on loopback addresses (Hadoop 3.4.1, from Maven Central): a ResourceManager and one NodeManager, whose containers are plain processes.
#   yarn.sh run COMMAND…   starts them, runs COMMAND, stops them and what is left in their containers whatever happens
# HADOOP_CONF_DIR must name an HDFS that runs (hdfs.sh run yarn.sh run …); COMMAND finds one that names YARN too, and YARN_LAB, the folder of the logs,
# those of containers in logs/. Where it can't be had, for want of mvn or of its jars, it says so and COMMAND is not run.
set -euo pipefail
[ "${1:-}" = run ] && [ $# -ge 2 ] && [ -n "${HADOOP_CONF_DIR:-}" ] || { sed -n 2,5p "$0"; exit 2; }
shift
. "$(dirname "$0")/hadoop.sh" yarn
stop_more() { # containers outlive a NodeManager that is killed; each stands in a folder of this lab
  for at in /proc/[0-9]*; do
    case $(readlink "$at/cwd" 2>/dev/null) in "$lab"/*) kill -KILL "${at#/proc/}" 2>/dev/null || true;; esac
  done
}
show_more() { find "$lab/logs" -name 'std*' -size +0 -exec tail -n 30 {} + >&2 || true; }
hadoop_jars yarn 180 hadoop-yarn-server-resourcemanager hadoop-yarn-server-nodemanager hadoop-yarn-server-timelineservice hadoop-hdfs-client hadoop-common

cp -r "$HADOOP_CONF_DIR" "$lab/conf"
cd "$lab"
export HADOOP_CONF_DIR=$lab/conf YARN_LAB=$lab
JAVA_HOME=${JAVA_HOME:-$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")} # which containers are started with
export JAVA_HOME
read -r -a ports < <(free_ports 5)
{ echo '<configuration>'
  i=0
  for name in address scheduler.address resource-tracker.address admin.address webapp.address; do property "yarn.resourcemanager.$name" "127.0.0.1:${ports[$i]}"; i=$((i + 1)); done
  for name in address localizer.address webapp.address collector-service.address; do property "yarn.nodemanager.$name" 127.0.0.1:0; done
  property yarn.resourcemanager.scheduler.class org.apache.hadoop.yarn.server.resourcemanager.scheduler.fifo.FifoScheduler
  property yarn.nodemanager.local-dirs "$lab/local"; property yarn.nodemanager.log-dirs "$lab/logs"
  property yarn.nodemanager.resource.memory-mb 4096; property yarn.nodemanager.resource.cpu-vcores 4
  property yarn.resourcemanager.nodemanagers.heartbeat-interval-ms 200; property yarn.scheduler.minimum-allocation-mb 128; property yarn.nodemanager.vmem-check-enabled false
  property yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage 99.9
  property yarn.nodemanager.delete.debug-delay-sec 600 # logs stay until the end
  property yarn.resourcemanager.am.max-attempts 1
  echo '</configuration>'; } > conf/yarn-site.xml
mkdir local logs
daemon() { # name class
  setsid "$JAVA_HOME/bin/java" -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 --add-opens java.base/java.lang=ALL-UNNAMED -cp "$lab/conf:$jars/lib/*" \
    "org.apache.hadoop.yarn.server.$2" > "$1.log" 2>&1 < /dev/null &
  echo $! > "$1.pid"
}
daemon rm resourcemanager.ResourceManager
daemon nm nodemanager.NodeManager
await rm.log 'Node Transitioned from NEW to RUNNING' 1 60
cd "$OLDPWD"
"$@"
