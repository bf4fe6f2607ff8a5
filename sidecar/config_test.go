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
	c, err := parse([]string{"--dir", "/x", "--jvm-pid", "1"}, &bytes.Buffer{})
	want := config{dir: "/x", jvmPID: 1, logLevel: slog.LevelInfo, idle: time.Minute}
	if err != nil || c != want {
		t.Errorf("got %+v, %v; want %+v", c, err, want)
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
	for _, name := range []string{"dir", "jvm-pid", "log-level", "kernel", "idle-seconds", "version", "kernel string\n    \tarithmetic: avx512, avx2 or generic"} {
		if !strings.Contains(out.String(), "-"+name) {
			t.Errorf("help does not name --%s", name)
		}
	}
}
