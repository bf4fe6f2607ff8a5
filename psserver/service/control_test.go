package service_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
	"deepdist/internal/life"
	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// through is a driver's connection over the tunnel: what a sidecar does for a task.
func through(t *testing.T, api pb.ParameterServerClient) *frame.Conn {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "pair")
		conn, err := net.FileConn(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		ends[i] = conn.(*net.UnixConn)
	}
	stream, err := api.Control(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var carriers sync.WaitGroup
	carriers.Go(func() {
		buffer := make([]byte, 100_000)
		for {
			n, err := ends[1].Read(buffer)
			if err != nil {
				stream.CloseSend()
				return
			}
			stream.Send(&pb.ControlBytes{Bytes: buffer[:n]})
		}
	})
	carriers.Go(func() {
		defer ends[1].Close()
		for {
			m, err := stream.Recv()
			if err != nil {
				return
			}
			ends[1].Write(m.Bytes)
		}
	})
	c := frame.NewConn(ends[0])
	c.JSONLimit = frame.MaxAnswer
	t.Cleanup(func() { c.Close(); carriers.Wait() })
	return c
}

type greeting struct {
	frame.Greeting
	Bundles string `json:"bundles,omitempty"`
}

func remote(t *testing.T, s *server) *frame.Conn {
	t.Helper()
	c := through(t, s.dial(t))
	if err := c.Greet(greeting{frame.NewGreeting(), "inline"}, nil); err != nil {
		t.Fatal(err)
	}
	c.Inline(life.AvailableMemory)
	return c
}

func TestADriverTrainsThroughTheTunnel(t *testing.T) {
	s := serve(t, session.Config{})
	c := remote(t, s)
	start := make([]float32, 2_000_000)
	start[7] = 1
	whole := bundle.Bytes(start)

	// In parts, the last one first and one of them twice, on connections of their own.
	const part = 3_000_000
	for _, at := range []int{6_000_000, 0, 3_000_000, 0} {
		file, _, err := bundle.Write([]bundle.Tensor{{Name: "part", DType: "uint8", Shape: []int{min(part, len(whole)-at)}, Data: whole[at:min(at+part, len(whole))]}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		request := map[string]any{"op": "stage", "stage": "w", "total": len(whole), "at": at, "bytes": size(t, file)}
		_, err = remote(t, s).Call(request, file, nil)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		define := map[string]any{"op": "define_tensor", "name": "w", "dtype": "float32", "shape": []int{len(start)}, "stage": "w"}
		if at == 6_000_000 {
			if _, err := c.Call(define, nil, nil); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "first 0 of 8000000") {
				t.Errorf("an incomplete bundle: %v", err)
			}
		}
	}
	define := map[string]any{"op": "define_tensor", "name": "w", "dtype": "float32", "shape": []int{len(start)}, "stage": "w"}
	if _, err := c.Call(define, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(define, nil, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("a bundle that has been taken: %v", err)
	}
	var opened struct {
		TrainingID uint32 `json:"training_id"`
	}
	if _, err := c.Call(map[string]any{"op": "open_training", "kind": "model", "partitions": 1, "descent": map[string]any{"rule": "sgd"}}, nil, &opened); err != nil {
		t.Fatal(err)
	}
	var fetched bundle.Header
	if file, err := c.Call(map[string]any{"op": "fetch", "training_id": opened.TrainingID, "hold": "h"}, nil, &fetched); err != nil || file != nil {
		t.Fatalf("a bundle that is to be held: %v, %v", file, err)
	}
	var parts []byte
	for at := int64(0); at < fetched.Bytes; at += part {
		var answer struct{ Bytes int64 }
		file, err := remote(t, s).Call(map[string]any{"op": "part", "hold": "h", "at": at, "bytes": part}, nil, &answer)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<40))
		file.Close()
		if err != nil || int64(len(content)) != answer.Bytes {
			t.Fatalf("%d bytes at %d, %d were announced, %v", len(content), at, answer.Bytes, err)
		}
		parts = append(parts, content...)
	}
	if !bytes.Equal(parts[:len(whole)], whole) {
		t.Error("the parts came back as others")
	}
	if _, err := c.Call(map[string]any{"op": "part", "hold": "h", "at": fetched.Bytes + 1, "bytes": 1}, nil, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("a part behind the end: %v", err)
	}
	if _, err := c.Call(map[string]any{"op": "drop", "hold": "h"}, nil, nil); err != nil {
		t.Error(err)
	}
	if _, err := c.Call(map[string]any{"op": "part", "hold": "h", "at": 0, "bytes": 1}, nil, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("a part of what was dropped: %v", err)
	}
	file, err := c.Call(map[string]any{"op": "fetch", "training_id": opened.TrainingID}, nil, &fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	m, err := bundle.Map(file, fetched)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if !bytes.Equal(m.Tensors[0].Data, whole) {
		t.Error("the tensor came back as another one")
	}
}

func size(t *testing.T, file *os.File) int64 {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestWhatIsNotForTheTunnelIsDenied(t *testing.T) {
	s := serve(t, session.Config{})
	c := remote(t, s)
	for _, op := range []string{"stop", "plan_splits", "nothing of the kind"} {
		if _, err := c.Call(map[string]any{"op": op, "path": "file:///etc"}, nil, nil); frame.CodeOf(err) != frame.Denied {
			t.Errorf("%s: %v", op, err)
		}
	}
	if _, err := c.Call(map[string]any{"op": "open_training", "kind": "model", "partitions": 1, "descent": "callable"}, nil, nil); frame.CodeOf(err) != frame.BadInput {
		t.Errorf("a callable descent: %v", err)
	}
	for name, body := range map[string]string{
		"negative":    `{"op":"stage","stage":"x","total":10,"at":-1,"bytes":1}`,
		"beyond":      `{"op":"stage","stage":"x","total":10,"at":10,"bytes":1}`,
		"no name":     `{"op":"stage","total":10,"at":0,"bytes":1}`,
		"all at once": `{"op":"stage","stage":"x","total":9223372036854775807,"at":0,"bytes":1}`,
	} {
		file, _, err := bundle.Write([]bundle.Tensor{{Name: "part", DType: "uint8", Shape: []int{1}, Data: []byte{1}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		var request map[string]any
		if err := json.Unmarshal([]byte(body), &request); err != nil {
			t.Fatal(err)
		}
		request["bytes"] = size(t, file)
		if request["total"].(float64) < 1e18 && name != "no name" {
			request["total"] = 10 // less than the part's own bytes
		}
		if _, err := c.Call(request, file, nil); frame.CodeOf(err) != frame.BadInput {
			t.Errorf("%s: %v", name, err)
		}
	}
	descriptors := through(t, s.dial(t))
	if err := descriptors.Greet(greeting{Greeting: frame.NewGreeting()}, nil); frame.CodeOf(err) != frame.Protocol {
		t.Errorf("descriptors through a tunnel: %v", err)
	}
}

func TestAMessageThatIsTooLongEndsTheTunnel(t *testing.T) {
	s := serve(t, session.Config{})
	stream, err := s.dial(t).Control(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pb.ControlBytes{Bytes: make([]byte, 5<<20)}); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err == nil || err == io.EOF || status.Code(err) == codes.OK {
		t.Errorf("a message of 5 MiB: %v", err)
	}
}
