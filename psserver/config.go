package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"time"

	"deepdist/psserver/dashboard"
)

// config is what the flags say.
type config struct {
	parentPID int
	detach    bool
	listen    string
	page      string
	logLevel  slog.Level
	lease     time.Duration
	version   bool
}

const help = `psserver keeps the model of one DeepDist session: it serves tensors to the workers, applies what they have
learnt, and shows the run. The Python package starts it on the Spark driver's machine; by hand:

    psserver --parent-pid $$ --listen 127.0.0.1:0

When it serves, it prints one line of JSON on stdout, and nothing after it: the port for workers, the token
and the certificate's hash that they need, the path of the driver's socket, and the page's address. Whoever can
read that line can take part in the session. Logs go to stderr. SIGTERM and SIGINT end it in order. The exit status
is 78 if the address of --listen is not to be had, 2 for flags that make no sense, 1 for any other failure.

psserver get URL and psserver put URL copy a file from and to HDFS: see psserver put --help.

Flags:
`

// parse reads the command line. flag.ErrHelp means that help has been printed.
func parse(args []string, out io.Writer) (config, error) {
	c := config{}
	host := ""
	flags := flag.NewFlagSet("psserver", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprint(out, help)
		flags.PrintDefaults()
	}
	flags.IntVar(&c.parentPID, "parent-pid", 0, "end when the process of this `pid` has ended (0: don't watch any)")
	flags.BoolVar(&c.detach, "detach", false, "leave the terminal, so that Ctrl-C is for the driver alone, which ends the session in order")
	flags.StringVar(&c.listen, "listen", "127.0.0.1:0", "`host:port` where workers find the server; port 0 is any free one.\n"+
		"Executors on other machines need an address that they can reach")
	flags.StringVar(&host, "host", "", "short for --listen `host`:0")
	flags.StringVar(&c.page, "page", "127.0.0.1:5000", "`host:port` of the read-only page of the run and of /metrics, on loopback;\n"+
		"if the port is taken, the next free one is used; \"off\" for none")
	flags.TextVar(&c.logLevel, "log-level", slog.LevelInfo, "`level` of the log: debug, info, warn, error")
	flags.DurationVar(&c.lease, "lease", 30*time.Second, "a worker that has not been heard of for this `time` has left")
	flags.BoolVar(&c.version, "version", false, "print the version and the protocol, and end")
	if err := flags.Parse(args); err != nil {
		return c, err
	}
	if flags.NArg() > 0 {
		return c, fmt.Errorf("psserver takes no arguments, but got %q; see --help", flags.Args())
	}
	if host != "" {
		c.listen = net.JoinHostPort(host, "0")
	}
	if _, _, err := net.SplitHostPort(c.listen); err != nil {
		return c, fmt.Errorf("--listen %s: %w; write it as host:port", c.listen, err)
	}
	if c.page != "off" && c.page != "" {
		if _, _, err := dashboard.Address(c.page); err != nil {
			return c, fmt.Errorf("--page: %w", err)
		}
	}
	if c.lease <= 0 {
		return c, errors.New("--lease must be more than 0")
	}
	if c.parentPID < 0 {
		return c, errors.New("--parent-pid must not be negative")
	}
	return c, nil
}
