package storage

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deepdist/internal/frame"
)

func TestAPathIsCutIntoItsSystemAndTheName(t *testing.T) {
	s := NewSystems(Hadoop{Settings: map[string]string{"fs.defaultFS": "hdfs://ns/"}})
	for path, want := range map[string]string{
		"/a/b": "file:// /a/b", "file:///a/../b/": "file:// /b", "file:/a": "file:// /a", "FILE:/a": "file:// /a", "HDFS://H:1/a": "hdfs://H:1 /a", "file://localhost/a": "file:// /a",
		"hdfs://h:1/a%20b": "hdfs://h:1 /a%20b", "hdfs://h:1": "hdfs://h:1 /", "hdfs:///a": "hdfs://ns /a", "hdfs:/a": "hdfs://ns /a", "hdfs://ns/a:b": "hdfs://ns /a:b",
	} {
		if root, name, err := s.Parse(path); err != nil || root+" "+name != want {
			t.Errorf("%s: %s %s, %v", path, root, name, err)
		}
	}
	for _, path := range []string{"a", "a:b", "file:a", "s3a://b/c", "file://host/a", ""} {
		if _, _, err := s.Parse(path); frame.CodeOf(err) != frame.BadInput {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestANameserviceStandsForItsNameNodes(t *testing.T) {
	h := Hadoop{Settings: map[string]string{
		"dfs.nameservices": "ns,other", "dfs.ha.namenodes.ns": "one, two", "dfs.namenode.rpc-address.ns.one": "host1:9000", "dfs.namenode.rpc-address.ns.two": "host2",
		"dfs.namenode.rpc-address.other": "host3:1", "dfs.ha.namenodes.half": "one",
	}}
	for authority, want := range map[string][]string{
		"ns": {"host1:9000", "host2:8020"}, "other": {"host3:1"}, "host": {"host:8020"}, "host:1": {"host:1"}, "[::1]": {"[::1]:8020"},
	} {
		if got, err := h.nameNodes(authority); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", authority, got, err)
		}
	}
	if _, err := h.nameNodes("half"); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "dfs.namenode.rpc-address.half.one") {
		t.Error(err)
	}
}

func TestTheConfigurationIsFoundWhereSparkFindsIt(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	write := func(dir, file, properties string) {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(`<?xml version="1.0"?><configuration>`+properties+`</configuration>`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(first, "core-site.xml", `<!-- here --><property><name>fs.defaultFS</name><value> hdfs://${name}/ </value><final>true</final></property><property><name>name</name><value>${env.NS}-${user.name}</value></property>`)
	write(second, "core-site.xml", `<property><name>fs.defaultFS</name><value>hdfs://second</value></property>`)
	write(second, "hdfs-site.xml", `<property><name>dfs.nameservices</name><value>x${none}</value></property>`)
	t.Setenv("HADOOP_CONF_DIR", first)
	t.Setenv("YARN_CONF_DIR", second)
	t.Setenv("HADOOP_USER_NAME", "somebody")
	t.Setenv("NS", "ns")
	h, err := FromEnvironment()
	if err != nil || h.User != "somebody" || h.defaultAuthority() != "ns-somebody" || h.Settings["dfs.nameservices"] != "x${none}" {
		t.Errorf("%+v, %v", h, err)
	}
	write(first, "core-site.xml", `<property>`)
	if _, err := FromEnvironment(); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "core-site.xml") {
		t.Error(err)
	}
}

func TestANameNodeThatIsNotThereIsNamedWithTheSettings(t *testing.T) {
	h := Hadoop{User: "me"}
	s := NewSystems(h)
	defer s.Close()
	system, name, err := s.Of("hdfs://127.0.0.1:1/a")
	if err != nil {
		t.Fatal(err)
	}
	host, _ := os.Hostname()
	if _, err := system.Stat(name); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "host "+host+" does not reach the NameNode 127.0.0.1:1") || !strings.Contains(err.Error(), "fs.defaultFS") {
		t.Error(err)
	}
}
