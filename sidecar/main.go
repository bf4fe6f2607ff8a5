// Command deepdist-sidecar trains beside a Spark executor: tasks stream text or gradients to it over a Unix socket, and it trains
// with a parameter server, psserver, over gRPC. One serves all tasks and sessions of an executor.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"deepdist/internal/caches"
	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/internal/vec"
	"deepdist/internal/version"
	"deepdist/sidecar/shim"
)

func main() {
	c, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, errNothingToDo), errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		fmt.Fprintln(os.Stderr, "deepdist-sidecar:", err)
		os.Exit(2)
	}
	if c.detach {
		life.Detach()
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err = errors.Join(vec.Use(c.kernel), caches.Use(c.caches)); err == nil { // here, since it is the process's and not a run's
		err = run(ctx, c, os.Stderr)
	}
	if errors.Is(err, errServed) {
		os.Exit(tryAgain)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "deepdist-sidecar:", err)
		os.Exit(1)
	}
}

// errServed is no failure: another sidecar has the place, if only until it has ended.
var errServed = errors.New("another sidecar serves this directory already")

// tryAgain is the exit status that says so to the launcher: EX_TEMPFAIL of sysexits.h.
const tryAgain = 75

// run builds the parts from the leaves up, serves, and stops when its JVM ends, nobody needs it any more, or ctx is done.
func run(ctx context.Context, c config, stderr io.Writer) error {
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: c.logLevel}))
	if err := life.PrivateDir(c.dir); err != nil {
		return err
	}
	lock, err := life.Lock(c.dir, lockName)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		log.Info("another sidecar serves this directory already", "dir", c.dir)
		return errServed
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	sweep(filepath.Dir(c.dir))
	applyLimits(log)

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parent <-chan struct{}
	if c.jvmPID > 0 {
		if parent, err = life.WatchParent(ctx, c.jvmPID); err != nil {
			return fmt.Errorf("watch the executor's JVM: %w", err)
		}
	}
	server, err := shim.Listen(c.dir, log)
	if err != nil {
		return err
	}
	log.Info("serving", "build", version.Build, "dir", c.dir, "pid", os.Getpid(), "jvm", c.jvmPID, "kernel", vec.Name())
	var parts errgroup.Group
	parts.Go(func() error {
		err := server.Serve()
		cancel(err)
		return err
	})
	reason := wait(ctx, parent, server, c.idle)
	log.Info("stopping", "reason", reason)
	server.Close(frame.Errorf(frame.Lost, "the sidecar stops: %s", reason))
	err = parts.Wait()
	if reason == jvmEnded {
		leave(c.dir)
	}
	return err
}

// jvmEnded is the reason after which no task comes here any more, so that nobody needs the directory.
const jvmEnded = "the executor's JVM has ended"

// leave removes the directory with what we and the launchers have put there, and nothing else.
func leave(dir string) {
	for _, name := range []string{shim.SocketName, "log", life.LockName, lockName} {
		os.Remove(filepath.Join(dir, name))
	}
	os.Remove(dir)
}

// wait returns why the sidecar stops. idle 0: not for want of sessions.
func wait(ctx context.Context, parent <-chan struct{}, server *shim.Server, idle time.Duration) string {
	ticker := time.NewTicker(min(time.Second, max(idle/4, 10*time.Millisecond)))
	defer ticker.Stop()
	for {
		select {
		case <-parent:
			if ctx.Err() == nil {
				return jvmEnded
			}
			return "it was told to"
		case <-ctx.Done():
			return "it was told to"
		case <-ticker.C:
			if idle > 0 && server.Idle() >= idle {
				return fmt.Sprintf("no session for %s", idle)
			}
		}
	}
}

// lockName is locked for this process's life. It is not the launchers' own, life.LockName, which one of them holds while it starts a sidecar.
const lockName = "sidecar.lock"

// sweep removes the directories beside ours that no sidecar serves and no launcher holds: those of sidecars that were killed, or that
// ended before their JVM did. A task that needs one again makes it again.
func sweep(root string) {
	if filepath.Base(root) == life.RuntimeRoot() { // by hand --dir may lie anywhere
		life.Sweep(root, regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString, life.LockName, lockName)
	}
}
