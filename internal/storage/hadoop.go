package storage

import (
	"encoding/xml"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"

	"deepdist/internal/frame"
)

// Hadoop is what a client must know of HDFS beyond a path. It is found on the driver, where Spark has read Hadoop's configuration, and
// travels to whoever reads or writes: executors need none of their own. There is no secret in it: of Kerberos it holds names only.
type Hadoop struct {
	User     string            `json:"user"`     // as Spark has it (HADOOP_USER_NAME); with Kerberos the ticket says who it is
	Settings map[string]string `json:"settings"` // of Hadoop's configuration
}

// FromEnvironment finds the configuration as Spark's launcher does: each of core-site.xml and hdfs-site.xml in HADOOP_CONF_DIR, or if it is not
// there in YARN_CONF_DIR.
func FromEnvironment() (Hadoop, error) {
	h := Hadoop{User: os.Getenv("HADOOP_USER_NAME"), Settings: map[string]string{}}
	if h.User == "" {
		if u, err := user.Current(); err == nil {
			h.User = u.Username
		}
	}
	for _, name := range []string{"core-site.xml", "hdfs-site.xml"} {
		for _, variable := range []string{"HADOOP_CONF_DIR", "YARN_CONF_DIR"} {
			dir := os.Getenv(variable)
			if dir == "" {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, name))
			if os.IsNotExist(err) {
				continue
			}
			if err == nil {
				err = h.add(text)
			}
			if err != nil {
				return h, frame.Errorf(frame.BadInput, "read Hadoop's configuration that %s names: %s: %w", variable, filepath.Join(dir, name), err)
			}
			break
		}
	}
	return h, nil
}

var reference = regexp.MustCompile(`\$\{([^{}$\s]+)\}`)

// add takes over the properties of a file. A ${name} in a value stands for another property, or a variable env.NAME.
func (h Hadoop) add(text []byte) error {
	var file struct {
		Properties []struct {
			Name  string `xml:"name"`
			Value string `xml:"value"`
		} `xml:"property"`
	}
	if err := xml.Unmarshal(text, &file); err != nil {
		return err
	}
	for _, p := range file.Properties {
		h.Settings[strings.TrimSpace(p.Name)] = strings.TrimSpace(p.Value)
	}
	for name, value := range h.Settings {
		for range 20 { // as deep as Hadoop goes
			expanded := reference.ReplaceAllStringFunc(value, func(ref string) string {
				inner := ref[2 : len(ref)-1]
				if variable, ok := strings.CutPrefix(inner, "env."); ok {
					return os.Getenv(variable)
				}
				if inner == "user.name" {
					return h.User
				}
				if other, ok := h.Settings[inner]; ok {
					return other
				}
				return ref
			})
			if expanded == value {
				break
			}
			value = expanded
		}
		h.Settings[name] = value
	}
	return nil
}

// defaultAuthority is the host:port or nameservice of fs.defaultFS, if that is an HDFS.
func (h Hadoop) defaultAuthority() string {
	fs := h.Settings["fs.defaultFS"]
	if fs == "" {
		fs = h.Settings["fs.default.name"]
	}
	after, _ := strings.CutPrefix(fs, hadoopRoot)
	if after == fs {
		return ""
	}
	host, _, _ := strings.Cut(after, "/")
	return host
}

const defaultPort = "8020" // of a NameNode, when nothing names one

// nameNodes are the addresses behind what stands in a path between hdfs:// and the next slash: those of a nameservice, or that one.
func (h Hadoop) nameNodes(authority string) ([]string, error) {
	ids := strings.FieldsFunc(h.Settings["dfs.ha.namenodes."+authority], func(r rune) bool { return r == ',' || r == ' ' })
	service := len(ids) > 0
	if service {
		var addresses []string
		for _, id := range ids {
			address := h.Settings["dfs.namenode.rpc-address."+authority+"."+id]
			if address == "" {
				return nil, frame.Errorf(frame.BadInput, "hdfs://%s is a nameservice, but Hadoop's configuration has no dfs.namenode.rpc-address.%s.%s: complete hdfs-site.xml "+
					"in HADOOP_CONF_DIR, or set spark.hadoop.dfs.namenode.rpc-address.%[1]s.%[3]s", authority, authority, id)
			}
			addresses = append(addresses, withPort(address))
		}
		return addresses, nil
	}
	if address := h.Settings["dfs.namenode.rpc-address."+authority]; address != "" {
		return []string{withPort(address)}, nil
	}
	return []string{withPort(authority)}, nil
}

func withPort(address string) string {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return net.JoinHostPort(strings.Trim(address, "[]"), defaultPort)
	}
	return address
}
