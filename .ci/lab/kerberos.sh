#!/usr/bin/env bash
# A real HDFS that asks for Kerberos: MIT's KDC (Debian's krb5-kdc; as root it installs it where it is missing), one NameNode, one DataNode.
#   kerberos.sh run COMMAND…   starts them, runs COMMAND, stops them whatever happens
# PROTECTION=authentication, integrity or privacy is how connections are protected (privacy). COMMAND finds HADOOP_CONF_DIR, HDFS_URL, KRB5_CONFIG,
# KERBEROS_KEYTAB and KERBEROS_PRINCIPAL of a user, and KRB5CCNAME, a cache with a ticket of the same. Needs the jars that hdfs.sh fetches.
set -euo pipefail
[ "${1:-}" = run ] && [ $# -ge 2 ] || { sed -n 2,5p "$0"; exit 2; }
shift
protection=${PROTECTION:-privacy}
. "$(dirname "$0")/hadoop.sh" kerberos
jars=$(cd "$(dirname "$0")/../.." && pwd)/build/hdfs
[ -f "$jars/.done" ] || skip "there are no jars of Hadoop: hdfs.sh fetches them"
if ! [ -x /usr/sbin/krb5kdc ] || ! command -v kinit >/dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || skip "there is no KDC (Debian: apt install krb5-kdc krb5-user)"
  echo 'installing krb5-kdc …' >&2
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends krb5-kdc krb5-admin-server krb5-user >/dev/null
fi
cd "$lab"
mkdir -p conf/webapps/hdfs conf/webapps/datanode
read -r kdc rpc http < <(free_ports 3)
export KRB5_CONFIG=$lab/krb5.conf KRB5_KDC_PROFILE=$lab/kdc.conf
cat > krb5.conf <<CONF
[libdefaults]
  default_realm = LAB.TEST
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  ticket_lifetime = 8h
[realms]
  LAB.TEST = {
    kdc = 127.0.0.1:$kdc
  }
CONF
cat > kdc.conf <<CONF
[kdcdefaults]
  kdc_listen = 127.0.0.1:$kdc
  kdc_tcp_listen = 127.0.0.1:$kdc
[realms]
  LAB.TEST = {
    database_name = $lab/principals
    key_stash_file = $lab/stash
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
  }
CONF
password=$(head -c 24 /dev/urandom | base64)
/usr/sbin/kdb5_util create -s -r LAB.TEST -P "$password" > kdc.log 2>&1
for name in hdfs/localhost HTTP/localhost; do
  /usr/sbin/kadmin.local -q "addprinc -randkey $name" >> kdc.log 2>&1
  /usr/sbin/kadmin.local -q "ktadd -k $lab/hdfs.keytab $name" >> kdc.log 2>&1
done
/usr/sbin/kadmin.local -q 'addprinc -randkey user' >> kdc.log 2>&1
/usr/sbin/kadmin.local -q "ktadd -k $lab/user.keytab user" >> kdc.log 2>&1
/usr/sbin/krb5kdc -n >> kdc.log 2>&1 & echo $! > kdc.pid; disown
{ echo '<configuration>'
  property fs.defaultFS "hdfs://localhost:$rpc"; property hadoop.security.authentication kerberos; property hadoop.security.authorization true
  property hadoop.rpc.protection "$protection"; property hadoop.security.auth_to_local 'RULE:[2:$1](.*)s/HTTP/hdfs/ DEFAULT'
  echo '</configuration>'; } > conf/core-site.xml
{ echo '<configuration>'
  property dfs.replication 1; property dfs.blocksize 1048576; property dfs.namenode.fs-limits.min-block-size 1048576
  property dfs.namenode.name.dir "$lab/nn"; property dfs.datanode.data.dir "$lab/dn"; property dfs.namenode.http-address "localhost:$http"
  property dfs.datanode.address 127.0.0.1:0; property dfs.datanode.http.address 127.0.0.1:0; property dfs.datanode.ipc.address 127.0.0.1:0
  property dfs.namenode.kerberos.principal hdfs/localhost@LAB.TEST; property dfs.namenode.keytab.file "$lab/hdfs.keytab"
  property dfs.datanode.kerberos.principal hdfs/localhost@LAB.TEST; property dfs.datanode.keytab.file "$lab/hdfs.keytab"
  property dfs.web.authentication.kerberos.principal HTTP/localhost@LAB.TEST; property dfs.web.authentication.kerberos.keytab "$lab/hdfs.keytab"
  property dfs.block.access.token.enable true; property dfs.data.transfer.protection "$protection"; property ignore.secure.ports.for.testing true
  property dfs.permissions.enabled false
  echo '</configuration>'; } > conf/hdfs-site.xml
log_to_console conf/log4j.properties
daemon() { exec java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.security.krb5.conf="$KRB5_CONFIG" --add-opens java.base/java.lang=ALL-UNNAMED \
  -cp "conf:$jars/lib/*" "org.apache.hadoop.hdfs.server.$1" "${@:2}" < /dev/null; }
(daemon namenode.NameNode -format -nonInteractive) > format.log 2>&1
daemon namenode.NameNode > nn.log 2>&1 & echo $! > nn.pid; disown
daemon datanode.DataNode > dn.log 2>&1 & echo $! > dn.pid; disown
await nn.log 'registerDatanode: from' 1 90
export HDFS_URL=hdfs://localhost:$rpc HADOOP_CONF_DIR=$lab/conf KRB5CCNAME=FILE:$lab/tickets KERBEROS_KEYTAB=$lab/user.keytab KERBEROS_PRINCIPAL=user@LAB.TEST
kinit -k -t "$KERBEROS_KEYTAB" "$KERBEROS_PRINCIPAL"
cd "$OLDPWD"
"$@"
