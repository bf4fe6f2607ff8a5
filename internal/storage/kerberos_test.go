package storage

import (
	"os"
	"strings"
	"testing"

	"deepdist/internal/frame"
)

// kerberized is the URL of the HDFS that `.ci/lab/kerberos.sh run` starts, which asks for Kerberos.
func kerberized(t *testing.T) string {
	t.Helper()
	if os.Getenv("KERBEROS_KEYTAB") == "" {
		t.Skip("KERBEROS_KEYTAB is not set: make test-kerberos starts a KDC and an HDFS")
	}
	return os.Getenv("HDFS_URL")
}

// secure connects with these settings besides those of the lab.
func secure(t *testing.T, settings map[string]string) System {
	t.Helper()
	url := kerberized(t)
	hadoop, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range settings {
		hadoop.Settings[name] = value
	}
	systems := NewSystems(hadoop)
	t.Cleanup(func() { systems.Close() })
	s, _, err := systems.Of(url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATicketOfACacheOrAKeytabOpensHDFS(t *testing.T) {
	kerberized(t)
	text := randomText(3<<20 + 1)
	byKeytab := map[string]string{"spark.kerberos.keytab": os.Getenv("KERBEROS_KEYTAB"), "spark.kerberos.principal": os.Getenv("KERBEROS_PRINCIPAL")}
	for from, settings := range map[string]map[string]string{"cache": nil, "keytab": byKeytab} {
		t.Run(from, func(t *testing.T) {
			if from == "keytab" {
				t.Setenv("KRB5CCNAME", "/none")
			}
			s := secure(t, settings)
			if err := writeAll(s, "/of/"+from, text, true); err != nil {
				t.Fatal(err)
			}
			f, err := s.Stat("/of/" + from)
			if err != nil || f.Size != int64(len(text)) {
				t.Fatal(f, err)
			}
			if os.Getenv("PROTECTION") == "authentication" {
				if readAll(t, s, f.Name) != text {
					t.Error("another text came back")
				}
				return
			}
			r, err := s.Open(f.Name)
			if err == nil {
				_, err = r.Read(make([]byte, 1000))
			}
			if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "dd.train(sc.textFile(path))") {
				t.Error(err)
			}
		})
	}
}

func TestWithoutATicketTheWaysToOneAreNamed(t *testing.T) {
	kerberized(t)
	t.Setenv("KRB5CCNAME", "/none")
	hadoop, err := FromEnvironment()
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = NewSystems(hadoop).Of(kerberized(t))
	if frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "spark.kerberos.keytab") || !strings.Contains(err.Error(), "KRB5CCNAME") {
		t.Error(err)
	}
}

func TestWithoutItsConfigurationKerberosIsRecognised(t *testing.T) {
	s := secure(t, map[string]string{"hadoop.security.authentication": "simple"})
	if _, err := s.Stat("/"); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "hadoop.security.authentication=kerberos") {
		t.Error(err)
	}
}
