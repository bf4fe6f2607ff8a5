package life

import (
	"context"
	"errors"
	"math"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheEndOfAProcessIsSeen(t *testing.T) {
	child := exec.Command("cat")
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	gone, err := WatchParent(context.Background(), child.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
		t.Fatal("said to be gone while it runs")
	default:
	}
	in.Close() // cat ends; its exit is seen although nobody has waited for it
	<-gone
	child.Wait()
}

func TestWatchingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	gone, err := WatchParent(ctx, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	<-gone
}

func TestAProcessThatIsGoneCannotBeWatched(t *testing.T) {
	child := exec.Command("true")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	if _, err := WatchParent(context.Background(), child.Process.Pid); err == nil {
		t.Error("watched a process that has been reaped")
	}
}

func TestAPrivateDirectoryIsOursAndClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := PrivateDir(dir); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(dir); info.Mode().Perm() != 0o700 {
		t.Errorf("mode %v", info.Mode())
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if err := PrivateDir(link); err == nil {
		t.Error("a symlink was taken for a private directory")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := PrivateDir(file); err == nil {
		t.Error("a file was taken for a private directory")
	}
}

func TestASocketPathAlwaysFits(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("x", 90))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	dir, err := RuntimeDir("0123456789abcdef", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(dir)
	if !strings.HasPrefix(dir, "/tmp/") || len(dir)+2 > MaxSocketPath {
		t.Errorf("directory %s", dir)
	}
	if _, err := RuntimeDir(strings.Repeat("y", 120), "s"); err == nil {
		t.Error("a path that can't be bound was given out")
	}
}

func TestOnlyWhatADeadOwnerHasLeftIsSwept(t *testing.T) {
	root := t.TempDir()
	made := func(name string, files ...string) string {
		dir := filepath.Join(root, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if err := os.WriteFile(filepath.Join(dir, file), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	owned := func(name string) (string, *os.File) {
		dir := made(name, "text")
		lock, err := Own(dir)
		if err != nil {
			t.Fatal(err)
		}
		return dir, lock
	}
	live, lock := owned("x-live")
	defer lock.Close()
	dead, lock := owned("x-dead")
	lock.Close() // as the kernel does when a process is killed
	second := made("x-second", LockName)
	lock, err := Lock(second, "another.lock")
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	elsewhere := t.TempDir()
	if err := os.WriteFile(filepath.Join(elsewhere, LockName), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link, linkedLock := filepath.Join(root, "x-link"), made("x-linked-lock")
	for name, to := range map[string]string{link: elsewhere, filepath.Join(linkedLock, LockName): filepath.Join(elsewhere, LockName)} {
		if err := os.Symlink(to, name); err != nil {
			t.Fatal(err)
		}
	}
	begun, other := made("x-begun", "text"), made("y-other", LockName)

	Sweep(root, func(name string) bool { return strings.HasPrefix(name, "x-") }, LockName, "another.lock")
	if _, err := os.Lstat(dead); !os.IsNotExist(err) {
		t.Errorf("what a dead process has left is still there: %v", err)
	}
	for _, path := range []string{live, second, link, linkedLock, begun, other, filepath.Join(elsewhere, LockName)} {
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("swept away: %v", err)
		}
	}
}

func TestALockThatIsHeldIsNotGivenTwice(t *testing.T) {
	dir := t.TempDir()
	lock, err := Own(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir, LockName); !errors.Is(err, syscall.EWOULDBLOCK) {
		t.Errorf("got %v", err)
	}
	lock.Close()
	again, err := Lock(dir, LockName)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestAPeerOfTheSameUserMayConnect(t *testing.T) {
	listener, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := CheckPeer(conn.(*net.UnixConn)); err != nil {
		t.Error(err)
	}
}

func TestMemoryIsReadFromTheMachine(t *testing.T) {
	rss, err := RSS()
	if err != nil || rss < 1<<20 {
		t.Errorf("RSS %d, %v", rss, err)
	}
	left, err := AvailableMemory()
	if err != nil || left == 0 || left == math.MaxUint64 {
		t.Errorf("available %d, %v", left, err)
	}
}

func TestAContainersLimitCountsAtEveryLevel(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		path = filepath.Join(root, path)
		os.MkdirAll(filepath.Dir(path), 0o755)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("v2/a/b/memory.max", "max\n")
	write("v2/a/b/memory.current", "10\n")
	write("v2/a/memory.max", "1000\n")
	write("v2/a/memory.current", "400\n")
	write("self2", "0::/a/b\n")
	if left := cgroupLeft(filepath.Join(root, "v2"), filepath.Join(root, "self2")); left != 600 {
		t.Errorf("version 2: %d left", left)
	}
	write("v1/memory/memory.limit_in_bytes", "500")
	write("v1/memory/memory.usage_in_bytes", "700")
	write("self1", "5:cpu:/x\n4:memory:/docker/unmounted\n")
	if left := cgroupLeft(filepath.Join(root, "v1"), filepath.Join(root, "self1")); left != 0 {
		t.Errorf("version 1: %d left", left)
	}
	if left := cgroupLeft(root, filepath.Join(root, "absent")); left != math.MaxUint64 {
		t.Errorf("no cgroup: %d left", left)
	}
}

func TestALimitOfAddressSpaceCountsAsAvailableMemory(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &before); err != nil {
		t.Fatal(err)
	}
	pages, err := memoryPages(0)
	if err != nil {
		t.Fatal(err)
	}
	limit := before
	limit.Cur = pages*uint64(os.Getpagesize()) + 1<<30
	if err := unix.Setrlimit(unix.RLIMIT_AS, &limit); err != nil {
		t.Skip(err)
	}
	left, err := AvailableMemory()
	if restored := unix.Setrlimit(unix.RLIMIT_AS, &before); restored != nil {
		t.Fatal(restored)
	}
	if err != nil || left > 1<<30 || left == 0 {
		t.Errorf("%d bytes, %v, with a gigabyte of address space left", left, err)
	}
}
