// Package life keeps a helper process honest about the machine it runs on: it goes when the process it serves goes, keeps its
// files where no other user can reach them, talks only to its own user, and knows how much memory there is.
//
// The parent is watched by pidfd. Two usual ways were tried and are wrong: PR_SET_PDEATHSIG follows the thread that forked, so a
// notebook's helper dies when a thread ends; and the end of a stdin pipe comes late or never, since any forked grandchild may
// hold the other side open.
package life

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// WatchParent returns a channel that is closed when process pid has ended (any process, not only a child), or when ctx is done. It
// errs if there is no such process now.
func WatchParent(ctx context.Context, pid int) (<-chan struct{}, error) {
	fd, err := unix.PidfdOpen(pid, unix.PIDFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	file := os.NewFile(uintptr(fd), "pidfd") // non-blocking: Go's own poller waits for it, no thread does
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("watch process %d: %w", pid, err)
	}
	gone := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { file.SetReadDeadline(past) })
	go func() {
		defer close(gone)
		defer file.Close()
		defer stop()
		raw.Read(func(fd uintptr) bool {
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			n, err := unix.Poll(fds, 0)
			return n > 0 || (err != nil && err != unix.EINTR)
		})
	}()
	return gone, nil
}

// Detach takes the process out of its terminal's reach: a Ctrl-C there is not meant for it. A process that leads a session is so already.
func Detach() { unix.Setsid() }

// MaxSocketPath is how long the path of a Unix socket may be.
const MaxSocketPath = 107

// PrivateDir makes (or takes over) a directory that only this user can enter, and proves it: mode 0700, ours, and not a symlink
// that somebody else has put there. Its parent must exist.
func PrivateDir(path string) error {
	if err := os.Mkdir(path, 0o700); err != nil && !os.IsExist(err) {
		return fmt.Errorf("make private directory: %w", err)
	}
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("look at private directory: %w", err)
	}
	switch {
	case info.Mode()&os.ModeSymlink != 0 || !info.IsDir():
		return fmt.Errorf("%s is not a directory of its own (a link or a file lies there): remove it", path)
	case !ours(info):
		return fmt.Errorf("%s belongs to another user: set TMPDIR to a directory of your own", path)
	case info.Mode().Perm() != 0o700:
		if err := os.Chmod(path, 0o700); err != nil {
			return fmt.Errorf("close private directory: %w", err)
		}
	}
	return nil
}

// RuntimeRoot is the name of the directory, in the one for temporary files, that holds what this user's processes have there.
func RuntimeRoot() string { return fmt.Sprintf("deepdist-%d", os.Getuid()) }

// RuntimeDir makes <temp dir>/deepdist-<uid>/<name>, private at both levels, where a socket of the name given still fits into
// MaxSocketPath: <temp dir> is $TMPDIR (or /tmp), and /tmp when that is too long.
func RuntimeDir(name, socket string) (string, error) {
	temp := os.TempDir()
	if len(filepath.Join(temp, RuntimeRoot(), name, socket)) > MaxSocketPath {
		temp = "/tmp"
	}
	root := filepath.Join(temp, RuntimeRoot())
	dir := filepath.Join(root, name)
	if n := len(filepath.Join(dir, socket)); n > MaxSocketPath {
		return "", fmt.Errorf("the socket's path has %d bytes, at most %d can be: %s", n, MaxSocketPath, dir)
	}
	if err := PrivateDir(root); err != nil {
		return "", err
	}
	return dir, PrivateDir(dir)
}

// CheckPeer refuses a connection from a process of another user.
func CheckPeer(conn *net.UnixConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return fmt.Errorf("look at peer: %w", err)
	}
	var cred *unix.Ucred
	var credErr error
	if err := raw.Control(func(fd uintptr) {
		cred, credErr = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return fmt.Errorf("look at peer: %w", err)
	}
	if credErr != nil {
		return fmt.Errorf("look at peer: %w", credErr)
	}
	if int(cred.Uid) != os.Getuid() {
		return fmt.Errorf("peer has uid %d, only uid %d may connect", cred.Uid, os.Getuid())
	}
	return nil
}
