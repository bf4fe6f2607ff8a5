package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// The JVM is the last that needs the directory: a host that runs many applications must not fill up with them.
func TestNothingIsLeftAfterTheJVM(t *testing.T) {
	jvm := exec.Command("sleep", "60")
	if err := jvm.Start(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "d")
	ended := make(chan error, 1)
	go func() {
		ended <- run(context.Background(), config{dir: dir, jvmPID: jvm.Process.Pid, idle: time.Minute}, io.Discard)
	}()
	for {
		if _, err := os.Stat(filepath.Join(dir, "s")); err == nil {
			break
		}
		select {
		case err := <-ended:
			t.Fatalf("it ended before it served: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	if err := run(context.Background(), config{dir: dir, idle: time.Minute}, io.Discard); !errors.Is(err, errServed) {
		t.Errorf("a second one in its place: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "log"), []byte("a launcher's"), 0o600); err != nil {
		t.Fatal(err)
	}
	jvm.Process.Kill()
	jvm.Wait()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		left, _ := os.ReadDir(dir)
		t.Errorf("left: %v, %v", left, err)
	}
}
