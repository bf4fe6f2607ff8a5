package textfile

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"strings"
	"time"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/proto"

	"deepdist/internal/frame"
)

// hadoop is one HDFS, behind one NameNode.
type hadoop struct {
	address, user string
	client        *hdfs.Client
}

const (
	defaultPort = "8020" // of a NameNode, when the path names none
	silence     = 60 * time.Second
)

// useSpark ends the errors about what this client does not have.
const useSpark = "such an HDFS is read through Spark: dd.train(sc.textFile(path))"

func connect(address, user string) (*hadoop, error) {
	h := &hadoop{address: address, user: user}
	dialed := address
	if _, _, err := net.SplitHostPort(address); err != nil {
		dialed = net.JoinHostPort(address, defaultPort)
	}
	client, err := hdfs.NewClient(hdfs.ClientOptions{Addresses: []string{dialed}, User: user, NamenodeDialFunc: dial, DatanodeDialFunc: dial})
	if err != nil {
		host, _ := os.Hostname()
		return nil, frame.Errorf(frame.BadInput, "host %s does not reach the NameNode %s (%w): write the path as hdfs://host:port/… with the port of fs.defaultFS; "+
			"if %s is a nameservice of several NameNodes (HA), %s", host, dialed, err, address, useSpark)
	}
	h.client = client
	return h, nil
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

func (h *hadoop) stat(name string) (file, error) {
	info, err := h.client.Stat(name)
	if err != nil {
		return file{}, err
	}
	return h.file(name, info)
}

func (h *hadoop) list(dir string) ([]file, error) {
	infos, err := h.client.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := make([]file, len(infos))
	for i, info := range infos {
		if files[i], err = h.file(path.Join(dir, info.Name()), info); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func (h *hadoop) open(name string) (io.ReadSeekCloser, error) {
	reader, err := h.client.Open(name)
	if err != nil {
		return nil, err
	}
	return reader, nil
}

func (h *hadoop) close() error { return h.client.Close() }

// file refuses what this client would read as ciphertext or not at all. The client's own type does not show it; its message does.
func (h *hadoop) file(name string, info fs.FileInfo) (file, error) {
	if status, ok := info.Sys().(proto.Message); ok && !info.IsDir() {
		m := status.ProtoReflect()
		if f := m.Descriptor().Fields().ByName("fileEncryptionInfo"); f != nil && m.Has(f) {
			return file{}, frame.Errorf(frame.BadInput, "hdfs://%s%s lies in an encryption zone: %s", h.address, name, useSpark)
		}
		if f := m.Descriptor().Fields().ByName("ecPolicy"); f != nil && m.Has(f) {
			return file{}, frame.Errorf(frame.BadInput, "hdfs://%s%s is erasure coded: %s", h.address, name, useSpark)
		}
	}
	return file{name: name, size: info.Size(), dir: info.IsDir()}, nil
}

func (h *hadoop) explain(name string, err error) error {
	where := hadoopRoot + h.address + name
	switch {
	case errors.As(err, new(*frame.Error)):
		return err
	case errors.Is(err, fs.ErrNotExist):
		return frame.Errorf(frame.BadInput, "there is no file %s", where)
	case errors.Is(err, fs.ErrPermission):
		return frame.Errorf(frame.BadInput, "the NameNode does not let %s read %s: change its mode, or HADOOP_USER_NAME; if it asks for Kerberos, %s", h.user, where, useSpark)
	case strings.Contains(err.Error(), "SIMPLE authentication is not enabled"), strings.Contains(err.Error(), "SASL"):
		return frame.Errorf(frame.BadInput, "%s asks for Kerberos or encryption (%w): %s", where, err, useSpark)
	}
	return frame.Errorf(frame.Lost, "read %s: %w", where, err)
}
