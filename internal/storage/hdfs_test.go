package storage

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"deepdist/internal/frame"
)

// kill ends a daemon of the lab at once, and starts it again when the test has ended.
func kill(t *testing.T, name string) {
	t.Helper()
	t.Logf("%s is killed", name)
	text, err := os.ReadFile(filepath.Join(os.Getenv("HDFS_LAB"), name+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { start(t, name) })
}

// start starts a daemon of the lab, and waits until both NameNodes know it.
func start(t *testing.T, name string) {
	t.Helper()
	registered := func() int {
		n := 0
		for _, file := range []string{"nn1.log", "nn2.log"} {
			text, _ := os.ReadFile(filepath.Join(os.Getenv("HDFS_LAB"), file))
			n += strings.Count(string(text), "registerDatanode: from")
		}
		return n
	}
	before := registered()
	if out, err := exec.Command(filepath.Join(os.Getenv("HDFS_LAB"), "start"), name).CombinedOutput(); err != nil {
		t.Fatalf("start %s: %v %s", name, err, out)
	}
	more := 2 // a DataNode registers with both NameNodes, and each DataNode with a new NameNode
	if strings.HasPrefix(name, "nn") {
		more = 3
	}
	for deadline := time.Now().Add(time.Minute); registered() < before+more; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s has not come up in a minute", name)
		}
	}
}

// holding is the DataNode that the client reads the file's block from first.
func holding(t *testing.T, s System, name string, block int) string {
	t.Helper()
	f, err := s.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := s.Blocks(f)
	if err != nil {
		t.Fatal(err)
	}
	return "dn" + strings.TrimPrefix(blocks[block].Hosts[0], "127.0.0.")
}

func TestTheNameNodeTellsWhereBlocksLie(t *testing.T) {
	s, name := systemOf(t, lab(t)+"/blocks")
	if err := writeAll(s, name, randomText(2<<20+5), true); err != nil {
		t.Fatal(err)
	}
	f, err := s.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := s.Blocks(f)
	if err != nil || len(blocks) != 3 {
		t.Fatal(blocks, err)
	}
	at := int64(0)
	for _, b := range blocks {
		if b.Offset != at || len(b.Hosts) != 2 || b.Hosts[0] == b.Hosts[1] || !strings.HasPrefix(b.Hosts[0], "127.0.0.") {
			t.Errorf("%+v at %d", b, at)
		}
		at += b.Length
	}
	if at != f.Size {
		t.Errorf("blocks of %d bytes, and the file has %d", at, f.Size)
	}
}

func TestAReadSurvivesTheDeathOfTheDataNodeItReadsFrom(t *testing.T) {
	s, name := systemOf(t, lab(t)+"/read-on")
	text := randomText(5 << 20)
	if err := writeAll(s, name, text, true); err != nil {
		t.Fatal(err)
	}
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, 100_000)
	if _, err := io.ReadFull(f, got); err != nil {
		t.Fatal(err)
	}
	kill(t, holding(t, s, name, 0))
	rest, err := io.ReadAll(f)
	if err != nil || string(got)+string(rest) != text {
		t.Errorf("%d bytes and %v", len(rest), err)
	}
}

func TestAWriteSurvivesTheDeathOfDataNodes(t *testing.T) {
	s, name := systemOf(t, lab(t)+"/write-on")
	text := randomText(6<<20 + 1)
	began, killed := 0, ""
	err := s.Write(name, true, func(w io.Writer) error {
		began++
		for at := 0; at < len(text); at += 1 << 18 {
			if at == 5<<19 && killed == "" { // within the third block
				files, err := s.List("/")
				if err != nil {
					return err
				}
				for _, f := range files {
					if strings.HasPrefix(f.Name, "/.write-on.") {
						killed = holding(t, s, f.Name, 0)
						kill(t, killed)
					}
				}
			}
			if _, err := io.WriteString(w, text[at:min(at+1<<18, len(text))]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || killed == "" {
		t.Fatalf("%v, after %s was killed", err, killed)
	}
	t.Logf("written %d times", began)
	if readAll(t, s, name) != text {
		t.Error("what was written is not what is there")
	}
	// The NameNode goes on choosing the dead one for minutes; it is passed over.
	for i := range 4 {
		began := 0
		err := s.Write(name+strconv.Itoa(i), true, func(w io.Writer) error {
			began++
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil || began != 1 {
			t.Errorf("%v in %d tries", err, began)
		}
	}
	if files := names(t, s, "/"); strings.Contains(files, ".tmp") {
		t.Error(files)
	}
}

func TestReadingAndWritingGoOnWhenAnotherNameNodeTakesOver(t *testing.T) {
	s, name := systemOf(t, lab(t)+"/fail-over")
	text := randomText(3 << 20)
	if err := writeAll(s, name, text, true); err != nil {
		t.Fatal(err)
	}
	f, err := s.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, 10)
	if _, err := io.ReadFull(f, got); err != nil {
		t.Fatal(err)
	}
	kill(t, "nn1") // the active one: for a while there is none
	taken := make(chan error)
	go func() {
		time.Sleep(3 * time.Second)
		_, err := exec.Command(filepath.Join(os.Getenv("HDFS_LAB"), "admin"), "org.apache.hadoop.hdfs.tools.DFSHAAdmin", "-transitionToActive", "--forceactive", "nn2").Output()
		taken <- err
	}()
	if err := writeAll(s, name+"-2", text, true); err != nil {
		t.Error(err)
	}
	if _, err := f.Seek(10, io.SeekStart); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(f)
	if err != nil || string(got)+string(rest) != text {
		t.Errorf("%d bytes and %v", len(rest), err)
	}
	if err := <-taken; err != nil {
		t.Error("nn2 did not take over:", err)
	}
	other, again := systemOf(t, lab(t)+"/fail-over-2") // somebody new, who asks the dead one first
	if readAll(t, other, again) != text {
		t.Error("what was written is not what is there")
	}
}

func TestWhoMayNotTouchAFileIsToldWhoHeIs(t *testing.T) {
	mine, name := systemOf(t, lab(t)+"/private/file")
	if err := writeAll(mine, name, "text", true); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HADOOP_USER_NAME", "stranger")
	s, _ := systemOf(t, lab(t)+"/private/file")
	for _, err := range []error{writeAll(s, "/private/other", "text", false), s.Remove(name), s.MakeDir("/private/folder")} {
		if frame.CodeOf(err) != frame.BadInput || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "stranger") || !strings.Contains(err.Error(), "HADOOP_USER_NAME") {
			t.Error(err)
		}
	}
}
