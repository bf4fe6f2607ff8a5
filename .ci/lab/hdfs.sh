#!/usr/bin/env bash
# A real HDFS on loopback addresses (Hadoop 3.4.1, from Maven Central): two NameNodes, nn1 active and nn2 standby, with their edits in
# one folder, and three DataNodes dn1…dn3 on 127.0.0.1…3; blocks of 1 MiB, two replicas.
#   hdfs.sh run COMMAND…   starts it, runs COMMAND, stops it whatever happens
# COMMAND finds HADOOP_CONF_DIR, HDFS_URL (hdfs://lab, a nameservice), HDFS_NAMENODE (host:port of nn1), and HDFS_LAB, a folder with NAME.pid and
# NAME.log of each daemon and two commands: `start NAME` starts a daemon again, `admin CLASS ARGUMENT…` runs a tool of Hadoop's.
# Where it can't be had, for want of mvn or of its jars, it says so and COMMAND is not run. Ports are whatever the system gives.
set -euo pipefail
[ "${1:-}" = run ] && [ $# -ge 2 ] || { sed -n 2,7p "$0"; exit 2; }
shift
. "$(dirname "$0")/hadoop.sh" hdfs
hadoop_jars hdfs 120 hadoop-hdfs hadoop-hdfs-client hadoop-common

cd "$lab"
mkdir -p conf/webapps/hdfs conf/webapps/datanode # the daemons end without these folders
log_to_console conf/log4j.properties
read -r rpc1 rpc2 http1 http2 < <(free_ports 4)
export HDFS_URL=hdfs://lab HDFS_NAMENODE=127.0.0.1:$rpc1 HADOOP_CONF_DIR=$lab/conf HDFS_LAB=$lab
echo "<configuration>$(property fs.defaultFS "$HDFS_URL")</configuration>" > conf/core-site.xml
{ echo '<configuration>'
  property dfs.nameservices lab; property dfs.ha.namenodes.lab nn1,nn2; property dfs.namenode.rpc-address.lab.nn1 "$HDFS_NAMENODE"
  property dfs.namenode.rpc-address.lab.nn2 "127.0.0.1:$rpc2"; property dfs.namenode.http-address.lab.nn1 "127.0.0.1:$http1"
  property dfs.namenode.http-address.lab.nn2 "127.0.0.1:$http2"; property dfs.namenode.shared.edits.dir "file://$lab/edits"
  property dfs.client.failover.proxy.provider.lab org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider
  property dfs.ha.fencing.methods 'shell(true)'; property dfs.ha.tail-edits.period 1; property dfs.ha.nn.not-become-active-in-safemode false
  property dfs.replication 2; property dfs.blocksize 1048576; property dfs.namenode.fs-limits.min-block-size 1048576; property dfs.namenode.safemode.extension 0
  # All DataNodes have one address for the NameNode, that of their end of a connection on loopback: it is their names that tell them apart.
  property dfs.client.use.datanode.hostname true; property dfs.datanode.use.datanode.hostname true
  property dfs.namenode.datanode.registration.ip-hostname-check false
  echo '</configuration>'; } > conf/hdfs-site.xml
cat > java <<JAVA
#!/bin/sh
# java HEAP CLASS ARGUMENT…
heap=\$1; shift
exec java -Xmx\$heap -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto --add-opens java.base/java.lang=ALL-UNNAMED -cp "$lab/conf:$jars/lib/*" "\$@" < /dev/null
JAVA
cat > start <<START
#!/bin/sh
# start NAME: nn1, nn2, dn1, dn2 or dn3
cd "$lab"
k=\${1#??}
case \$1 in
  nn*) set -- \$1 namenode.NameNode -D dfs.ha.namenode.id=\$1 -D "dfs.namenode.name.dir=$lab/\$1";;
  dn*) set -- \$1 datanode.DataNode -D "dfs.datanode.data.dir=$lab/\$1" -D dfs.datanode.hostname=127.0.0.\$k -D dfs.datanode.address=127.0.0.\$k:0 \
    -D dfs.datanode.http.address=127.0.0.\$k:0 -D dfs.datanode.ipc.address=127.0.0.\$k:0;;
esac
name=\$1 class=\$2; shift 2
setsid ./java 256m "org.apache.hadoop.hdfs.server.\$class" "\$@" >> "\$name.log" 2>&1 &
echo \$! > "\$name.pid"
START
printf '#!/bin/sh\nexec "%s/java" 128m "$@"\n' "$lab" > admin
chmod +x java start admin
./java 256m org.apache.hadoop.hdfs.server.namenode.NameNode -D dfs.ha.namenode.id=nn1 -D "dfs.namenode.name.dir=$lab/nn1" -format -nonInteractive > format.log 2>&1
cp -r nn1 nn2
for name in nn1 dn1 dn2 dn3 nn2; do ./start $name; done
await nn1.log 'RPC up at' 1 90
./admin org.apache.hadoop.hdfs.tools.DFSHAAdmin -transitionToActive nn1 > active.log 2>&1
for name in nn1 nn2; do await $name.log 'registerDatanode: from' 3 90; done
cd "$OLDPWD"
"$@"
