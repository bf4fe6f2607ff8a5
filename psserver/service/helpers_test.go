package service_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"

	"deepdist/internal/auth"
	"deepdist/internal/bundle"
	"deepdist/internal/version"
	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/control"
	"deepdist/psserver/service"
	"deepdist/psserver/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server is a real one: TLS on loopback, a session behind it.
type server struct {
	*session.Session
	creds   auth.Credentials
	address string
}

func serve(t testing.TB, config session.Config) *server {
	t.Helper()
	config.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	s := &server{Session: session.New(config)}
	creds, options, err := auth.NewServer()
	if err != nil {
		t.Fatal(err)
	}
	s.creds = creds
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	driver, err := control.Listen(s.Session, config.Log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	answered := make(chan error)
	go func() { answered <- driver.Serve(ctx) }()
	g := service.NewServer(s.Session, driver.Tunnel, options...)
	done := make(chan error)
	go func() { done <- g.Serve(listener) }()
	t.Cleanup(func() {
		s.Stop("the test is over")
		g.Stop()
		<-done
		cancel()
		<-answered
		s.Close()
	})
	return s
}

func (s *server) dial(t testing.TB) pb.ParameterServerClient {
	t.Helper()
	options, err := auth.DialOptions(string(s.creds.Token), s.creds.CertSHA256)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(s.address, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewParameterServerClient(conn)
}

// peer is one sidecar, played by the test.
type peer struct {
	t   testing.TB
	api pb.ParameterServerClient
	id  string
	ctx context.Context

	attempt int64 // of the next commit
}

func (s *server) join(t testing.TB) *peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	p := &peer{t: t, api: s.dial(t), ctx: ctx}
	r, err := p.api.Join(ctx, &pb.JoinRequest{Protocol: version.Protocol, Build: version.Build, Host: "here", Pid: 1, Kernel: "generic", SessionId: s.ID})
	if err != nil {
		t.Fatal(err)
	}
	p.id = r.WorkerId
	return p
}

func (p *peer) commit(training, partition uint32, counts map[string]uint64) bool {
	p.t.Helper()
	accepted, err := p.tryCommit(training, partition, counts)
	if err != nil {
		p.t.Fatal(err)
	}
	return accepted
}

func (p *peer) tryCommit(training, partition uint32, counts map[string]uint64) (bool, error) {
	p.t.Helper()
	stream, err := p.api.Commit(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	c, words := &pb.Counts{}, uint64(0)
	for w, n := range counts {
		c.Words = append(c.Words, w...)
		c.Lengths = append(c.Lengths, uint32(len(w)))
		c.Counts = append(c.Counts, n)
		words += n
	}
	stream.Send(&pb.CommitRequest{Part: &pb.CommitRequest_Header_{Header: &pb.CommitRequest_Header{WorkerId: p.id, TrainingId: training,
		Partition: partition, Records: words, Rows: words, Words: words, Distinct: uint64(len(counts)), Attempt: p.attempt}}})
	if words > 0 {
		stream.Send(&pb.CommitRequest{Part: &pb.CommitRequest_Counts{Counts: c}})
	}
	r, err := stream.CloseAndRecv()
	return r.GetAccepted(), err
}

func (p *peer) claim(training, want uint32, slice bool) *pb.ClaimResponse {
	p.t.Helper()
	r, err := p.api.Claim(p.ctx, &pb.ClaimRequest{WorkerId: p.id, TrainingId: training, Want: want, Slice: slice, WaitMs: 20})
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

type pulled struct {
	header *pb.PullResponse_Header
	values [][]byte
}

func (p *peer) pull(r *pb.PullRequest) (pulled, error) {
	p.t.Helper()
	r.WorkerId = p.id
	stream, err := p.api.Pull(p.ctx, r)
	if err != nil {
		p.t.Fatal(err)
	}
	var out pulled
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if h := m.GetHeader(); h != nil {
			out.header, out.values = h, make([][]byte, len(h.Tensors))
			continue
		}
		c := m.GetChunk()
		if uint64(len(out.values[c.Tensor])) != c.Offset {
			p.t.Fatalf("chunk at %d, after %d bytes", c.Offset, len(out.values[c.Tensor]))
		}
		out.values[c.Tensor] = append(out.values[c.Tensor], c.Values...)
	}
}

// delta is one tensor of a push.
type delta struct {
	name, dtype string
	shape       []uint64
	keys        []uint32
	values      []byte
}

func sparse(name string, dim int, keys []uint32, values []float32) delta {
	return delta{name, "float32", []uint64{uint64(len(keys)), uint64(dim)}, keys, floats(values)}
}

func dense(name string, shape []uint64, values ...float32) delta {
	return delta{name, "float32", shape, nil, floats(values)}
}

func (p *peer) push(h *pb.PushRequest_Header, deltas ...delta) *pb.PushResponse {
	p.t.Helper()
	r, err := p.tryPush(h, deltas...)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func (p *peer) tryPush(h *pb.PushRequest_Header, deltas ...delta) (*pb.PushResponse, error) {
	p.t.Helper()
	h.WorkerId = p.id
	stream, err := p.api.Push(p.ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	h.Bytes = 0
	for _, d := range deltas {
		h.Bytes += uint64(len(d.values) + 4*len(d.keys))
	}
	messages := []*pb.PushRequest{{Part: &pb.PushRequest_Header_{Header: h}}}
	for _, d := range deltas {
		messages = append(messages,
			&pb.PushRequest{Part: &pb.PushRequest_Delta_{Delta: &pb.PushRequest_Delta{Tensor: &pb.Tensor{Name: d.name, Dtype: d.dtype, Shape: d.shape}, Sparse: d.keys != nil}}},
			&pb.PushRequest{Part: &pb.PushRequest_Chunk_{Chunk: &pb.PushRequest_Chunk{Keys: keys(d.keys), Values: d.values}}})
	}
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			break // refused before all was sent: the answer says why
		}
	}
	return stream.CloseAndRecv()
}

func keys(k []uint32) (out []byte) {
	for _, x := range k {
		out = binary.LittleEndian.AppendUint32(out, x)
	}
	return out
}

func floats(x []float32) (out []byte) {
	for _, v := range x {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(v))
	}
	return out
}

func asFloats(b []byte) []float32 {
	out := make([]float32, len(b)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}

// share plays the driver: a tensor in a memfd that the session maps too.
func (s *server) share(t testing.TB, name, dtype string, shape []int64, data []byte) []byte {
	t.Helper()
	fd, err := unix.MemfdCreate(name, unix.MFD_ALLOW_SEALING)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), name)
	defer file.Close()
	if _, err := file.Write(data); err != nil {
		t.Fatal(err)
	}
	unix.FcntlInt(file.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW)
	if err := s.DefineTensor(name, dtype, shape, file); err != nil {
		t.Fatal(err)
	}
	m, err := bundle.MapShared(file, bundle.Header{Tensors: []bundle.TensorHeader{{Name: name, DType: dtype, Shape: shape}}, Bytes: int64(len(data))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m.Tensors[0].Data
}

func settings() session.Word2Vec {
	return session.Word2Vec{VectorSize: 4, Window: 5, Negative: 5, Sample: 1e-3, NsExponent: .75, Alpha: .025, MinAlpha: .0001, Epochs: 2, Seed: 1, ShrinkWindows: true, Sg: true}
}
