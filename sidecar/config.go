package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"deepdist/internal/vec"
	"deepdist/internal/version"
)

// config is what the flags say.
type config struct {
	dir      string
	jvmPID   int
	detach   bool
	logLevel slog.Level
	kernel   string
	caches   int
	idle     time.Duration
}

// Variables that set flags of sidecars that tasks start: spark.executorEnv.DEEPDIST_KERNEL=avx2, say.
const (
	kernelVariable = "DEEPDIST_KERNEL"
	cachesVariable = "DEEPDIST_CACHES"
)

const usage = `deepdist-sidecar trains for the tasks of one Spark executor.

DeepDist's tasks start it by themselves, once per executor; nothing of it needs to be set up by hand. It listens on the Unix socket
<dir>/s, connects to the session's psserver, and ends with its JVM, or some time after its last session. Logs go to stderr.

Usage: deepdist-sidecar --dir DIR --jvm-pid PID [flags]

`

// errNothingToDo ends main without an error: the answer has been printed.
var errNothingToDo = errors.New("nothing to do")

func parse(args []string, out io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("deepdist-sidecar", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&c.dir, "dir", "", "private `directory` (mode 0700) of the socket; its parent must exist")
	flags.IntVar(&c.jvmPID, "jvm-pid", 0, "`pid` of the executor's JVM: when it ends, so does the sidecar")
	flags.BoolVar(&c.detach, "detach", false, "leave the terminal, so that Ctrl-C is for the driver alone, which ends the session in order")
	flags.TextVar(&c.logLevel, "log-level", slog.LevelInfo, "DEBUG, INFO, WARN or ERROR")
	flags.StringVar(&c.kernel, "kernel", cmp.Or(os.Getenv(kernelVariable), vec.Auto),
		"arithmetic: auto (the best that this processor has), avx512, avx2 or generic; the variable "+kernelVariable+" sets it too")
	flags.IntVar(&c.caches, "caches", 0, "train as if processors had so `many` caches, on a copy of the rows for each: 1 shares the rows; 0 measures before each long slice; the variable "+cachesVariable+" sets it too")
	idle := flags.Uint("idle-seconds", 60, "end so many `seconds` after the last session (0: with the JVM only)")
	showVersion := flags.Bool("version", false, "print the version and end")
	flags.Usage = func() {
		fmt.Fprint(out, usage)
		flags.PrintDefaults()
	}
	if preset := os.Getenv(cachesVariable); preset != "" {
		if err := flags.Set("caches", preset); err != nil {
			return c, fmt.Errorf("%s=%s: it must be a number, as --caches", cachesVariable, preset)
		}
	}
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	c.idle = time.Duration(*idle) * time.Second
	switch {
	case *showVersion:
		fmt.Fprintf(out, "deepdist-sidecar %s, protocol %d\n", version.Build, version.Protocol)
		return c, errNothingToDo
	case flags.NArg() > 0:
		return c, fmt.Errorf("unexpected argument %q; see --help", flags.Arg(0))
	case c.dir == "":
		return c, errors.New("--dir is missing: name a directory for the socket; see --help")
	case c.jvmPID < 0:
		return c, errors.New("--jvm-pid must be the pid of a process; see --help")
	}
	return c, nil
}
