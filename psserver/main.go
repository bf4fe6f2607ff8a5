// psserver is the parameter server of one DeepDist session. It reads flags, builds the parts from the leaves up, says that it
// serves, and goes when it is told to, or when the process that it was started for has gone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"deepdist/internal/auth"
	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/internal/version"
	"deepdist/psserver/control"
	"deepdist/psserver/dashboard"
	"deepdist/psserver/service"
	"deepdist/psserver/session"
)

// farewell is how long workers have to ask, with their next report, whether the session goes on.
const farewell = 1500 * time.Millisecond

func main() {
	if len(os.Args) > 1 && copies[os.Args[1]] != nil {
		os.Exit(copyFile(os.Args[1], os.Args[2:], os.Stdin, os.Stdout, os.Stderr))
	}
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "psserver:", err)
		os.Exit(2)
	case c.version:
		fmt.Printf("psserver %s, protocol %d\n", version.Build, version.Protocol)
		return
	}
	if c.detach {
		life.Detach()
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.logLevel}))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, c, os.Stdout, log); err != nil {
		log.Error("psserver ends", "error", err)
		os.Exit(status(err))
	}
}

// cannotListen is the exit status that says that --listen is at fault: EX_CONFIG of sysexits.h.
const cannotListen = 78

func status(err error) int {
	if errors.Is(err, service.ErrListen) {
		return cannotListen
	}
	return 1
}

// ready is the line that the driver reads.
type ready struct {
	frame.Greeting
	auth.Credentials
	SessionID string `json:"session_id"`
	Port      int    `json:"port"`
	Control   string `json:"control"`
	Page      string `json:"page"`
	PID       int    `json:"pid"`
}

// run serves one session until ctx is done, the parent has gone, or the driver says stop.
func run(ctx context.Context, c config, stdout io.Writer, log *slog.Logger) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	group, ctx := errgroup.WithContext(ctx)

	if c.parentPID != 0 {
		gone, err := life.WatchParent(ctx, c.parentPID)
		if err != nil {
			return fmt.Errorf("--parent-pid: %w", err)
		}
		group.Go(func() error { <-gone; end(errors.New("the driver's process has gone")); return nil })
	}
	credentials, options, err := auth.NewServer()
	if err != nil {
		return err
	}
	s := session.New(session.Config{Log: log, Lease: c.lease, OnStop: func(reason string) { end(errors.New(reason)) }})
	defer s.Close()

	driver, err := control.Listen(s, log)
	if err != nil {
		return err
	}
	workers, err := service.Listen(c.listen)
	if err != nil {
		end(err)
		return errors.Join(err, driver.Serve(ctx), group.Wait())
	}
	server := service.NewServer(s, driver.Tunnel, options...)
	group.Go(func() error { return driver.Serve(ctx) })
	group.Go(func() error { return serve(server, workers) })
	page, err := show(ctx, group, c, s, log)
	if err != nil {
		log.Warn("there is no page of this run", "error", err)
	}
	line := ready{Greeting: frame.NewGreeting(), Credentials: credentials, SessionID: s.ID, Port: workers.Addr().(*net.TCPAddr).Port,
		Control: driver.Path(), Page: page, PID: os.Getpid()}
	log.Info("serving", "session", s.ID, "workers", workers.Addr(), "page", page, "build", version.Build) // before anybody knows whom to kill
	if err := json.NewEncoder(stdout).Encode(line); err != nil {
		end(fmt.Errorf("tell the driver: %w", err))
	}

	<-ctx.Done()
	log.Info("ending", "reason", context.Cause(ctx))
	s.Stop(context.Cause(ctx).Error())
	stopWorkers(server, s)
	return group.Wait()
}

func serve(server *grpc.Server, listener net.Listener) error {
	if err := server.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve workers: %w", err)
	}
	return nil
}

// show serves the page, unless there is to be none.
func show(ctx context.Context, group *errgroup.Group, c config, s *session.Session, log *slog.Logger) (url string, err error) {
	if c.page == "off" || c.page == "" {
		return "", nil
	}
	listener, err := dashboard.Listen(c.page)
	if err != nil {
		return "", err
	}
	if got := listener.Addr().(*net.TCPAddr).Port; !wants(c.page, got) {
		log.Info("the page's port is taken: it is served on the next free one", "wanted", c.page, "port", got)
	}
	group.Go(func() error { return dashboard.New(s, log).Serve(ctx, listener) })
	return dashboard.URL(listener), nil
}

// wants tells whether this port is the one that was asked for, or any was.
func wants(address string, got int) bool {
	_, port, _ := net.SplitHostPort(address) // Listen has read it already
	return port == "0" || port == strconv.Itoa(got)
}

// stopWorkers lets the workers hear that the session has ended, and calls under way end: all their waits have.
func stopWorkers(server *grpc.Server, s *session.Session) {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	s.Farewell(ctx)
	timer := time.AfterFunc(farewell, server.Stop)
	defer timer.Stop()
	server.GracefulStop()
}
