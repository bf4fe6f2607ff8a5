# What the labs of Hadoop (3.4.1, from Maven Central) have in common. Sourced with the lab's name: it makes $lab, a folder for daemons' NAME.pid
# and NAME.log, and when the script ends it kills them, shows the ends of the logs if it failed, and removes the folder. A lab that has more to
# stop or to show defines stop_more and show_more.
lab_name=$1
lab=$(mktemp -d "${TMPDIR:-/tmp}/deepdist-$lab_name.XXXXXX")
stop_more() { :; }
show_more() { :; }
stop() {
  status=$?
  trap - EXIT INT TERM
  for file in "$lab"/*.pid; do kill -KILL "$(cat "$file")" 2>/dev/null || true; done
  stop_more
  if [ "$status" -ne 0 ]; then tail -n 15 "$lab"/*.log >&2 || true; show_more; fi
  rm -rf "$lab"
  exit "$status"
}
trap stop EXIT INT TERM
skip() { echo "$lab_name.sh: SKIPPED, not run: $*" >&2; exit 0; }

hadoop_jars() { # FOLDER SECONDS ARTIFACT…: sets jars to build/FOLDER, whose lib/ has these artifacts with all that they need
  jars=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build/$1
  if [ -f "$jars/.done" ]; then return; fi
  command -v mvn >/dev/null || skip "the jars of Hadoop come by mvn, which is not here (Debian: apt install maven)"
  mkdir -p "$jars"
  dependency() { echo "<dependency><groupId>org.apache.hadoop</groupId><artifactId>$1</artifactId><version>3.4.1</version></dependency>"; }
  cat > "$jars/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>lab</groupId><artifactId>$1</artifactId><version>1</version>
<dependencies>$(for name in "${@:3}"; do dependency "$name"; done)</dependencies></project>
POM
  timeout "$2" mvn -q -B -f "$jars/pom.xml" dependency:copy-dependencies -DoutputDirectory="$jars/lib" > "$lab/mvn.log" 2>&1 ||
    { tail -n 3 "$lab/mvn.log" >&2; skip "mvn could not fetch the jars of Hadoop"; }
  touch "$jars/.done"
}

free_ports() { # N: prints as many
  python3 -c 'import socket, sys
all = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in all))' "$1"
}

property() { echo "<property><name>$1</name><value>$2</value></property>"; }

log_to_console() { # FILE: settings of log4j
  printf '%s\n' 'log4j.rootLogger=INFO,c' 'log4j.appender.c=org.apache.log4j.ConsoleAppender' 'log4j.appender.c.layout=org.apache.log4j.PatternLayout' \
    'log4j.appender.c.layout.ConversionPattern=%p %c{1}: %m%n' > "$1"
}

await() { # FILE PATTERN COUNT SECONDS: until so many lines match, while all daemons of this folder live
  for _ in $(seq $((5 * $4))); do
    [ "$(grep -c "$2" "$1" 2>/dev/null || true)" -ge "$3" ] 2>/dev/null && return
    for file in *.pid; do kill -0 "$(cat "$file")" 2>/dev/null || { echo "$lab_name.sh: ${file%.pid} ended" >&2; return 1; }; done
    sleep .2
  done
  echo "$lab_name.sh: no '$2' in $1 within $4 seconds" >&2; return 1
}
