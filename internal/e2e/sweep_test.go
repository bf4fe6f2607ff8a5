package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// temporary gives the programs of a test a directory for temporary files of their own, with a short path: sockets lie in it.
func temporary(t *testing.T) (runtime string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "dd-t-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("TMPDIR", dir)
	return filepath.Join(dir, fmt.Sprintf("deepdist-%d", os.Getuid()))
}

func TestAPsserverRemovesWhatAKilledOneHasLeftAndNothingOfALiveOne(t *testing.T) {
	temporary(t)
	killed, stopped := startServer(t), startServer(t)
	stopped.Process.Signal(syscall.SIGSTOP) // it answers nothing, and yet it lives
	killed.Process.Kill()
	<-killed.done
	if _, err := os.Stat(killed.hello.Control); err != nil {
		t.Fatalf("a killed psserver leaves nothing; the test tests nothing: %v", err)
	}
	startServer(t)
	if left, err := os.Stat(filepath.Dir(killed.hello.Control)); !os.IsNotExist(err) {
		t.Errorf("left: %v, %v", left, err)
	}
	if _, err := os.Stat(stopped.hello.Control); err != nil {
		t.Errorf("a psserver that lives has lost its socket: %v", err)
	}
}

func TestASidecarRemovesWhatAKilledOneHasLeftAndNothingOfALiveOne(t *testing.T) {
	runtime := temporary(t)
	if err := os.Mkdir(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	named := func(digit int) string {
		dir := filepath.Join(runtime, fmt.Sprintf("%016x", digit))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "lock"), nil, 0o600); err != nil { // a launcher's
			t.Fatal(err)
		}
		return dir
	}
	killed, live := startSidecarIn(t, named(1)), startSidecarIn(t, named(2))
	starting := named(3)
	launcher, err := os.Open(filepath.Join(starting, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer launcher.Close()
	if err := syscall.Flock(int(launcher.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	killed.Process.Kill()
	<-killed.done
	startSidecarIn(t, named(4))
	if left, _ := filepath.Glob(filepath.Join(killed.dir, "*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	for _, path := range []string{filepath.Join(live.dir, "s"), starting} {
		if _, err := os.Stat(path); err != nil {
			t.Errorf("somebody needs it: %v", err)
		}
	}
}
