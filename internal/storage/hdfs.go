package storage

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/colinmarc/hdfs/v2"

	"deepdist/internal/frame"
)

// cluster is one HDFS, behind one NameNode or several of which one is active.
type cluster struct {
	root    string // hdfs://authority
	options hdfs.ClientOptions
	ticket  *ticket // nil without Kerberos

	mu     sync.Mutex
	client *hdfs.Client // nil: connect anew
	worked bool         // a call has succeeded
}

const (
	silence = 60 * time.Second // that a connection may keep within one read or write
	// patience is how long calls are tried again while no NameNode answers: one that takes over needs half a minute, a restart more.
	patience = 2 * time.Minute
	// doubt is how long they are tried if none of several NameNodes has answered yet: they may just be changing, or the settings may be wrong.
	doubt = 40 * time.Second
)

func newHDFS(hadoop Hadoop, authority string) (*cluster, error) {
	addresses, err := hadoop.nameNodes(authority)
	if err != nil {
		return nil, err
	}
	c := &cluster{root: hadoopRoot + authority}
	c.options = hdfs.ClientOptionsFromConf(hadoop.Settings)
	c.options.Addresses, c.options.User = addresses, hadoop.User
	c.options.NamenodeDialFunc, c.options.DatanodeDialFunc = dial, dial
	if c.options.KerberosClient != nil {
		if c.ticket, err = login(hadoop); err != nil {
			return nil, err
		}
		c.options.KerberosClient = c.ticket.client
	}
	return c, nil
}

// dial opens a connection on which no single read or write may take longer than silence.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return impatient{conn}, nil
}

type impatient struct{ net.Conn }

func (c impatient) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(silence))
	return c.Conn.Read(p)
}

func (c impatient) Write(p []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(silence))
	return c.Conn.Write(p)
}

// call does something with a client, and again on a new connection if the NameNode could not do it now. The client itself changes to another
// NameNode only where it finds one at once.
func (c *cluster) call(do func(*hdfs.Client) error) error {
	begun := time.Now()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 3*time.Second) {
		client, err := c.connected()
		if err == nil {
			if err = do(client); err == nil {
				c.mu.Lock()
				c.worked = true
				c.mu.Unlock()
				return nil
			}
			if !passing(err) {
				return err
			}
			c.drop(client)
		}
		if time.Since(begun)+pause > c.patience(err) {
			return err
		}
		time.Sleep(pause)
	}
}

func (c *cluster) patience(err error) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case unsecured(err):
		return 0
	case c.worked:
		return patience
	case len(c.options.Addresses) > 1:
		return doubt
	}
	return 0
}

func (c *cluster) connected() (*hdfs.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client != nil {
		return c.client, nil
	}
	client, err := hdfs.NewClient(c.options)
	if err != nil {
		return nil, unreached{err}
	}
	c.client = client
	return client, nil
}

// drop closes a client whose connection has failed, if nobody else has.
func (c *cluster) drop(client *hdfs.Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == client {
		c.client = nil
		client.Close()
	}
}

func (c *cluster) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ticket != nil {
		defer c.ticket.close()
	}
	if c.client == nil {
		return nil
	}
	client := c.client
	c.client = nil
	return client.Close()
}

// unreached is the error of not getting through to any NameNode.
type unreached struct{ error }

func (u unreached) Unwrap() error { return u.error }

// passing tells whether an error says something of the connection or the moment, and not of the path.
func passing(err error) bool {
	var remote hdfs.Error
	if errors.As(err, &remote) {
		for _, name := range []string{"ipc.StandbyException", "ipc.RetriableException", "SafeModeException"} {
			if strings.HasSuffix(remote.Exception(), name) {
				return true
			}
		}
		return false
	}
	for _, of := range []error{fs.ErrNotExist, fs.ErrExist, fs.ErrPermission, fs.ErrInvalid, syscall.ENOTEMPTY} {
		if errors.Is(err, of) {
			return false
		}
	}
	return !errors.As(err, new(*frame.Error))
}

func (c *cluster) Stat(name string) (file File, err error) {
	err = c.call(func(client *hdfs.Client) error {
		info, err := client.Stat(name)
		if err == nil {
			file, err = c.file(name, info)
		}
		return err
	})
	return file, c.explain("read", name, err)
}

func (c *cluster) List(dir string) (files []File, err error) {
	err = c.call(func(client *hdfs.Client) error {
		files = nil
		infos, err := client.ReadDir(dir)
		for _, info := range infos {
			file, err := c.file(path.Join(dir, info.Name()), info)
			if err != nil {
				return err
			}
			files = append(files, file)
		}
		return err
	})
	return files, c.explain("read", dir, err)
}

func (c *cluster) Rename(from, to string) error {
	err := c.call(func(client *hdfs.Client) error { return client.Rename(from, to) })
	return c.explain("rename", from, err)
}

func (c *cluster) Remove(name string) error {
	err := c.call(func(client *hdfs.Client) error {
		err := client.RemoveAll(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return c.explain("remove", name, err)
}

func (c *cluster) MakeDir(name string) error {
	err := c.call(func(client *hdfs.Client) error { return client.MkdirAll(name, 0o755) })
	return c.explain("make the folder", name, err)
}

// useSpark ends the errors about what this client does not have.
const useSpark = "such a file is read through Spark: dd.train(sc.textFile(path))"

// file refuses what this client would read as ciphertext or not at all.
func (c *cluster) file(name string, info fs.FileInfo) (File, error) {
	if status, ok := info.Sys().(*hdfs.FileStatus); ok && !info.IsDir() {
		if status.GetFileEncryptionInfo() != nil {
			return File{}, frame.Errorf(frame.BadInput, "%s%s lies in an encryption zone: %s", c.root, name, useSpark)
		}
		if status.GetEcPolicy() != nil {
			return File{}, frame.Errorf(frame.BadInput, "%s%s is erasure coded: %s", c.root, name, useSpark)
		}
	}
	return File{Name: name, Size: info.Size(), Dir: info.IsDir()}, nil
}

// unreachable is the error when no NameNode could be asked.
func (c *cluster) unreachable(err error) error {
	host, _ := os.Hostname()
	where := "the NameNode " + c.options.Addresses[0]
	advice := "look whether it runs, and write the path as hdfs://host:port/… with the port of fs.defaultFS; if " + strings.TrimPrefix(c.root, hadoopRoot) +
		" is a nameservice of several NameNodes (HA), let Spark find Hadoop's configuration (HADOOP_CONF_DIR, or spark.hadoop.dfs.ha.namenodes.… and so on)"
	if len(c.options.Addresses) > 1 {
		where = "an active NameNode of " + c.root + " (" + strings.Join(c.options.Addresses, ", ") + ")"
		advice = "look whether they run, whether one of them is active (hdfs haadmin -getAllServiceState), and whether dfs.namenode.rpc-address.… in Hadoop's configuration names them rightly"
	}
	return frame.Errorf(frame.BadInput, "host %s does not reach %s (%w): %s", host, where, err, advice)
}

func (c *cluster) explain(verb, name string, err error) error {
	where := c.root + name
	switch {
	case err == nil || errors.As(err, new(*frame.Error)): // has been explained
		return err
	case unsecured(err):
		return c.ticket.explain(c.root, err)
	case errors.As(err, new(unreached)) || strings.Contains(err.Error(), "no available namenodes"):
		return c.unreachable(err)
	case verb == "read" && errors.Is(err, fs.ErrNotExist):
		return frame.Errorf(frame.BadInput, "there is no file %s%w", where, because{err})
	case errors.Is(err, fs.ErrPermission):
		return frame.Errorf(frame.BadInput, "the NameNode does not let %s %s %s: change its mode or owner (hdfs dfs -chmod, -chown) or that of a folder above it, or be somebody else by HADOOP_USER_NAME%w",
			c.me(), verb, where, because{err})
	case errors.Is(err, fs.ErrExist) && verb == "write":
		return frame.Errorf(frame.BadInput, "%s is there already: name another path, or say that it may be overwritten%w", where, because{err})
	case errors.Is(err, fs.ErrExist):
		return frame.Errorf(frame.BadInput, "%s %s: a file is there already%w", verb, where, because{err})
	case errors.Is(err, syscall.EISDIR):
		return frame.Errorf(frame.BadInput, "%s is a folder: name a file in it%w", where, because{err})
	case errors.Is(err, io.ErrShortWrite):
		return frame.Errorf(frame.Lost, "%s %s: it could not be written whole", verb, where)
	}
	return frame.Errorf(frame.Lost, "%s %s: %w", verb, where, err)
}

// me is whom the NameNode knows us as.
func (c *cluster) me() string {
	if c.ticket != nil {
		return c.ticket.principal
	}
	return c.options.User
}
