package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"deepdist/internal/auth"
	"deepdist/internal/frame"
	"deepdist/internal/version"
	pb "deepdist/proto/deepdist/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a whole psserver in this process.
type running struct {
	ready  map[string]any
	cancel context.CancelFunc
	done   chan error
	log    *bytes.Buffer // read it after done
}

func start(t *testing.T, c config) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{cancel: cancel, done: make(chan error, 1), log: &bytes.Buffer{}}
	out, in := io.Pipe()
	go func() {
		r.done <- run(ctx, c, in, slog.New(slog.NewTextHandler(r.log, nil)))
		in.Close()
	}()
	t.Cleanup(cancel)
	if err := json.NewDecoder(out).Decode(&r.ready); err != nil {
		t.Fatalf("no ready line: %v; %v", err, <-r.done)
	}
	go io.Copy(io.Discard, out)
	return r
}

func (r *running) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-r.done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("psserver does not end")
	}
	if _, err := os.Stat(filepath.Dir(r.ready["control"].(string))); !os.IsNotExist(err) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

func local() config { return config{listen: "127.0.0.1:0", page: "127.0.0.1:0", lease: time.Minute} }

func TestTheReadyLineLeadsToWorkersDriverAndPage(t *testing.T) {
	r := start(t, local())
	if r.ready["protocol"] != float64(version.Protocol) || r.ready["build"] != version.Build || r.ready["pid"] != float64(os.Getpid()) {
		t.Errorf("ready line %v", r.ready)
	}
	options, err := auth.DialOptions(r.ready["token"].(string), r.ready["certificate_sha256"].(string))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("127.0.0.1:"+strconv.Itoa(int(r.ready["port"].(float64))), options...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	api := pb.NewParameterServerClient(conn)
	joined, err := api.Join(context.Background(), &pb.JoinRequest{Protocol: version.Protocol, Build: version.Build, SessionId: r.ready["session_id"].(string)})
	if err != nil {
		t.Fatal(err)
	}

	driver, err := frame.Dial(r.ready["control"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Close()
	if err := driver.Greet(frame.NewGreeting(), nil); err != nil {
		t.Fatal(err)
	}
	var figures struct{ Workers []map[string]any }
	if _, err := driver.Call(map[string]any{"op": "watch", "wait_ms": 0}, nil, &figures); err != nil || len(figures.Workers) != 1 || figures.Workers[0]["worker_id"] != joined.WorkerId {
		t.Errorf("figures %+v, %v", figures, err)
	}
	page, err := http.Get(r.ready["page"].(string) + "/figures")
	if err != nil {
		t.Fatal(err)
	}
	page.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if page.StatusCode != http.StatusOK {
		t.Errorf("page: %s", page.Status)
	}

	if _, err := driver.Call(map[string]any{"op": "stop"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	r.wait(t)
	if strings.Contains(r.log.String(), r.ready["token"].(string)) {
		t.Error("the token is in the log")
	}
}

func TestASignalEndsItInOrderAlsoInTheMiddleOfCalls(t *testing.T) {
	r := start(t, local())
	driver, err := frame.Dial(r.ready["control"].(string))
	if err != nil {
		t.Fatal(err)
	}
	defer driver.Close()
	if err := driver.Greet(frame.NewGreeting(), nil); err != nil {
		t.Fatal(err)
	}
	driver.WriteJSON(frame.Call, map[string]any{"op": "watch", "wait_ms": 60_000})
	r.cancel() // what a signal does
	r.wait(t)
}

func TestItGoesWithItsParent(t *testing.T) {
	parent := exec.Command("cat")
	stdin, err := parent.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	c := local()
	c.parentPID = parent.Process.Pid
	r := start(t, c)
	stdin.Close()
	r.wait(t)
	parent.Wait()
	if !strings.Contains(r.log.String(), "driver's process has gone") {
		t.Errorf("log: %s", r.log)
	}
	if err := run(context.Background(), c, io.Discard, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("it serves a parent that has gone already")
	}
}

func TestATakenPortOfThePageIsNoErrorOfTheWorkersIs(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := local()
	c.page = taken.Addr().String()
	r := start(t, c)
	if r.ready["page"] == "http://"+c.page || r.ready["page"] == "" {
		t.Errorf("page %v", r.ready["page"])
	}
	r.cancel()
	r.wait(t)
	if !strings.Contains(r.log.String(), "taken") {
		t.Errorf("the log does not say that the port is taken: %s", r.log)
	}
	c.listen = taken.Addr().String()
	if err := run(context.Background(), c, io.Discard, slog.New(slog.DiscardHandler)); status(err) != cannotListen || !strings.Contains(err.Error(), "choose") {
		t.Errorf("workers' port taken: %v", err)
	}
}

func TestThePageSaysThatAPortIsTakenOnlyWhenItIs(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(free.Addr().(*net.TCPAddr).Port)
	free.Close()
	for _, page := range []string{"127.0.0.1:0", "localhost:" + port} {
		c := local()
		c.page = page
		r := start(t, c)
		r.cancel()
		r.wait(t)
		if strings.Contains(r.log.String(), "taken") {
			t.Errorf("--page %s, which is free: %s", page, r.log)
		}
	}
}

func TestFlagsSayWhatIsWrongWithThem(t *testing.T) {
	for _, args := range [][]string{{"--listen", "5000"}, {"--page", "foo"}, {"--page", "127.0.0.1:70000"}, {"--page", "0.0.0.0:80"}, {"extra"}, {"--lease", "0s"}, {"--parent-pid", "-4"}, {"--log-level", "loud"}, {"--unknown"}} {
		var out bytes.Buffer
		if _, err := parse(args, &out); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
	var out bytes.Buffer
	if _, err := parse([]string{"--help"}, &out); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
	for _, flag := range []string{"-parent-pid", "-detach", "-listen", "-page", "-log-level", "-version", "stdout", "5000"} {
		if !strings.Contains(out.String(), flag) {
			t.Errorf("--help does not name %s", flag)
		}
	}
	c, err := parse([]string{"--parent-pid", "7", "--host", "::1", "--log-level", "debug"}, &out)
	if err != nil || c.listen != "[::1]:0" || c.logLevel != slog.LevelDebug || c.parentPID != 7 {
		t.Errorf("%+v, %v", c, err)
	}
}
