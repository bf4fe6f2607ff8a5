package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"syscall"

	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/internal/storage"
)

// copies are the commands that bring one file to or from where models are kept. The Python package has no client of HDFS: it runs these, also
// when no session is on, so they are processes of their own and no calls of a server.
var copies = map[string]func(ctx context.Context, c copyConfig, in *os.File, out io.Writer) error{"get": get, "put": put}

const copyHelp = `psserver get URL writes a file of HDFS (hdfs://…) or of a disk (file:///…) to stdout.
psserver put URL makes one of what is on stdin: whole, or not at all.

Without --hadoop, Hadoop's configuration is looked for in HADOOP_CONF_DIR and YARN_CONF_DIR. The exit status is 0 if all went well, 2 for a
command that can't be understood, 4 if there is no such file, 5 if it may not be touched, 6 if it is there already, 3 for what
else no other try will mend, and 1 for the rest.

Flags:
`

type copyConfig struct {
	url       string
	hadoop    storage.Hadoop
	overwrite bool
	parentPID int
}

// copyFile is the whole of `psserver get` and `psserver put`; it returns the exit status.
func copyFile(verb string, args []string, in *os.File, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	c, err := parseCopy(verb, args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintf(errs, "psserver %s: %v\n", verb, err)
		return 2
	}
	if c.parentPID != 0 {
		gone, err := life.WatchParent(ctx, c.parentPID)
		if err != nil {
			fmt.Fprintf(errs, "psserver %s: --parent-pid: %v\n", verb, err)
			return 2
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		go func() { <-gone; cancel() }()
	}
	if err = copies[verb](ctx, c, in, out); err == nil {
		return 0
	}
	fmt.Fprintf(errs, "psserver %s: %v\n", verb, err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 4
	case errors.Is(err, fs.ErrPermission):
		return 5
	case errors.Is(err, fs.ErrExist):
		return 6
	case frame.CodeOf(err) == frame.BadInput:
		return 3
	}
	return 1
}

func parseCopy(verb string, args []string, errs io.Writer) (c copyConfig, err error) {
	hadoop := ""
	flags := flag.NewFlagSet("psserver "+verb, flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprint(errs, copyHelp)
		flags.PrintDefaults()
	}
	flags.StringVar(&hadoop, "hadoop", "", `what to know of HDFS, as JSON: {"user": "me", "settings": {"fs.defaultFS": "hdfs://…"}}`)
	flags.IntVar(&c.parentPID, "parent-pid", 0, "give up when the process of this `pid` has ended (0: don't watch any)")
	if verb == "put" {
		flags.BoolVar(&c.overwrite, "overwrite", false, "replace a file that is there")
	}
	var urls []string
	for rest := args; ; rest = flags.Args()[1:] { // flags may stand behind the URL, too
		if err := flags.Parse(rest); err != nil {
			return c, err
		}
		if flags.NArg() == 0 {
			break
		}
		urls = append(urls, flags.Arg(0))
	}
	if len(urls) != 1 {
		return c, fmt.Errorf("name one URL, not %d; see psserver %s --help", len(urls), verb)
	}
	c.url = urls[0]
	if hadoop == "" {
		c.hadoop, err = storage.FromEnvironment()
	} else if err = json.Unmarshal([]byte(hadoop), &c.hadoop); err != nil {
		err = fmt.Errorf("--hadoop: %w", err)
	}
	return c, err
}

func get(ctx context.Context, c copyConfig, _ *os.File, out io.Writer) error {
	systems := storage.NewSystems(c.hadoop)
	defer systems.Close()
	system, name, err := systems.Of(c.url)
	if err != nil {
		return err
	}
	in, err := system.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	_, err = io.CopyBuffer(out, cancelled{ctx, in}, make([]byte, 1<<20))
	return err
}

func put(ctx context.Context, c copyConfig, in *os.File, _ io.Writer) error {
	systems := storage.NewSystems(c.hadoop)
	defer systems.Close()
	system, name, err := systems.Of(c.url)
	if err != nil {
		return err
	}
	from, err := rewindable(in)
	if err != nil {
		return err
	}
	if from != in {
		defer from.Close()
	}
	return system.Write(name, c.overwrite, func(w io.Writer) error {
		if _, err := from.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.CopyBuffer(w, cancelled{ctx, from}, make([]byte, 1<<20))
		return err
	})
}

// rewindable is in itself if it can be read again from its start, as a file can, or a file without a name that all of it is brought into.
func rewindable(in *os.File) (*os.File, error) {
	if _, err := in.Seek(0, io.SeekStart); err == nil {
		return in, nil
	}
	staged, err := os.CreateTemp("", "deepdist-put-")
	if err != nil {
		return nil, err
	}
	os.Remove(staged.Name())
	if _, err := io.Copy(staged, in); err != nil {
		staged.Close()
		return nil, fmt.Errorf("read stdin: %w", err)
	}
	return staged, nil
}

// cancelled reads until the context is done. It hides the file's other methods, so that what writes must ask it.
type cancelled struct {
	ctx  context.Context
	from io.Reader
}

func (c cancelled) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, errors.New("it was told to stop")
	}
	return c.from.Read(p)
}
