package storage

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"syscall"
	"time"

	"github.com/colinmarc/hdfs/v2"
)

// A file is begun anew so often, and so long after it was begun first, at most.
const (
	rewrites    = 8
	rewriteTime = 5 * time.Minute
)

// Write has its own client: its temporary file is leased to it, and the lease ends with it. The client can't mend a pipeline of DataNodes
// in which one has died: then the whole file is written again, under another name, past those that do not answer (pipeline.go).
func (c *cluster) Write(name string, overwrite bool, write func(io.Writer) error) error {
	switch file, err := c.Stat(name); {
	case err == nil && file.Dir:
		return c.explain("write", name, syscall.EISDIR)
	case err == nil && !overwrite:
		return c.explain("write", name, fs.ErrExist)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := c.MakeDir(path.Dir(name)); err != nil {
		return err
	}
	begun := time.Now()
	for try := 1; ; try++ {
		err := c.writeOnce(name, overwrite || try > 1, write) // a try that seemed to fail may have renamed
		if err == nil {
			return nil
		}
		var own caller
		if errors.As(err, &own) {
			return own.error
		}
		if !passing(err) || try == rewrites || time.Since(begun) > rewriteTime {
			return c.explain("write", name, err)
		}
		time.Sleep(time.Duration(try) * time.Second / 2)
	}
}

// caller is an error of who writes, not of the file.
type caller struct{ error }

func (c *cluster) writeOnce(name string, overwrite bool, write func(io.Writer) error) error {
	unfinished := temporary(name)
	options := c.options
	options.DatanodeDialFunc = dialPipeline(options.UseDatanodeHostname)
	var client *hdfs.Client
	var out *hdfs.FileWriter
	// Whatever needs the NameNode is tried again by call, which knows its own client to answer.
	err := c.call(func(answering *hdfs.Client) (err error) {
		if _, err = answering.Stat(path.Dir(name)); err != nil {
			return err
		}
		if client, err = hdfs.NewClient(options); err != nil {
			return err
		}
		if out, err = client.Create(unfinished); err != nil {
			client.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	defer client.Close()
	w := &watched{to: out}
	err = write(w)
	if err != nil && w.err == nil {
		err = caller{err}
	}
	if closed := finish(out, err != nil); err == nil {
		err = closed
	}
	if err == nil {
		err = c.call(func(client *hdfs.Client) error {
			fields := map[string]any{"src": unfinished, "dst": name, "overwriteDest": overwrite}
			_, err := ask(client, "rename2", fields)
			return meaning(err)
		})
	}
	if err != nil {
		c.call(func(client *hdfs.Client) error { return client.RemoveAll(unfinished) })
	}
	return err
}

// finish closes a file: until the DataNodes have told the NameNode of the last block, closing has to be asked for again.
func finish(out *hdfs.FileWriter, failed bool) error {
	begun := time.Now()
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := out.Close()
		if failed || !hdfs.IsErrReplicating(err) || time.Since(begun) > patience {
			return err
		}
		time.Sleep(pause)
	}
}

// watched remembers whether it was the file that failed. Nothing is not written at all: the client would begin a block, and a block
// without a byte never ends.
type watched struct {
	to  io.Writer
	err error
}

func (w *watched) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, w.err
	}
	n, err := w.to.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		w.err = err
	}
	return n, err
}

// meaning gives errors of ask those of the fs package, as the client does for its own functions.
func meaning(err error) error {
	var remote hdfs.Error
	if !errors.As(err, &remote) {
		return err
	}
	switch remote.Exception() {
	case "java.io.FileNotFoundException":
		return fs.ErrNotExist
	case "org.apache.hadoop.security.AccessControlException":
		return fs.ErrPermission
	case "org.apache.hadoop.fs.FileAlreadyExistsException":
		return fs.ErrExist
	}
	return err
}
