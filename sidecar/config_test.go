package main

import (
	"bytes"
	"errors"
	"flag"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestFlagsSayWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		args string
		says string
	}{{"", "--dir"}, {"--dir /x more", "more"}, {"--dir /x --jvm-pid -1", "--jvm-pid"}, {"--dir /x --log-level loud", "log-level"}, {"--no-such-flag", "no-such-flag"}} {
		var out bytes.Buffer
		_, err := parse(strings.Fields(c.args), &out)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q: got %v, want %q in it", c.args, err, c.says)
		}
	}
}

func TestFlagsHaveUsableDefaults(t *testing.T) {
	t.Setenv("DEEPDIST_KERNEL", "")
	t.Setenv("DEEPDIST_CACHES", "")
	c, err := parse([]string{"--dir", "/x", "--jvm-pid", "1"}, &bytes.Buffer{})
	want := config{dir: "/x", jvmPID: 1, logLevel: slog.LevelInfo, kernel: "auto", idle: time.Minute}
	if err != nil || c != want {
		t.Errorf("got %+v, %v; want %+v", c, err, want)
	}
}

func TestTheEnvironmentChoosesTheKernelUnlessTheFlagDoes(t *testing.T) {
	t.Setenv("DEEPDIST_KERNEL", "generic")
	for args, want := range map[string]string{"--dir /x": "generic", "--dir /x --kernel avx2": "avx2"} {
		if c, err := parse(strings.Fields(args), &bytes.Buffer{}); err != nil || c.kernel != want {
			t.Errorf("%q: kernel %q, %v; want %q", args, c.kernel, err, want)
		}
	}
}

func TestHelpAndVersionAreAnswers(t *testing.T) {
	var out bytes.Buffer
	if _, err := parse([]string{"--version"}, &out); !errors.Is(err, errNothingToDo) || !strings.Contains(out.String(), "protocol 1") {
		t.Errorf("%v, %q", err, out.String())
	}
	out.Reset()
	if _, err := parse([]string{"--help"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("%v", err)
	}
	for _, name := range []string{"dir", "jvm-pid", "detach", "log-level", "kernel", "idle-seconds", "version", "kernel string\n    \tarithmetic: auto (the best that this processor has), avx512, avx2 or generic"} {
		if !strings.Contains(out.String(), "-"+name) {
			t.Errorf("help does not name --%s", name)
		}
	}
}

func TestTheEnvironmentChoosesTheCachesUnlessTheFlagDoes(t *testing.T) {
	t.Setenv("DEEPDIST_CACHES", "3")
	for args, want := range map[string]int{"--dir /x": 3, "--dir /x --caches 2": 2} {
		if c, err := parse(strings.Fields(args), &bytes.Buffer{}); err != nil || c.caches != want {
			t.Errorf("%q: %d caches, %v; want %d", args, c.caches, err, want)
		}
	}
	t.Setenv("DEEPDIST_CACHES", "many")
	if _, err := parse([]string{"--dir", "/x"}, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "DEEPDIST_CACHES=many") {
		t.Errorf("got %v, want the variable named", err)
	}
}
