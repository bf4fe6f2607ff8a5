package service_test

import (
	"fmt"
	"testing"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// A slice of a lone worker touches most rows of a vocabulary of 50,000: 40 MB of deltas, and as much to pull, over TLS on loopback.
const benchRows, benchDim = 50_000, 100

func benchTraining(b *testing.B) (*server, *peer, uint32) {
	s := serve(b, session.Config{})
	o := settings()
	o.VectorSize, o.Epochs = benchDim, 1
	id, err := s.OpenWords(session.OpenWords{Partitions: 1, Settings: o})
	if err != nil {
		b.Fatal(err)
	}
	w := s.join(b)
	counts := map[string]uint64{}
	for i := range benchRows {
		counts[fmt.Sprint("word", i)] = 1
	}
	w.commit(id, 0, counts)
	if _, err := s.SettleVocabulary(id); err != nil {
		b.Fatal(err)
	}
	return s, w, id
}

func BenchmarkPush(b *testing.B) {
	_, w, id := benchTraining(b)
	keys, values := make([]uint32, benchRows), make([]float32, benchRows*benchDim)
	for i := range keys {
		keys[i] = uint32(i)
	}
	raw := floats(values)
	b.SetBytes(int64(2 * len(raw)))
	for n := range uint64(b.N) {
		h := &pb.PushRequest_Header{PushId: fmt.Sprint(n), WorkerId: w.id, TrainingId: id, Bytes: 2 * uint64(len(raw)+4*benchRows),
			Cursors: []*pb.Cursor{{From: n, To: n + 1}}}
		stream, err := w.api.Push(w.ctx)
		if err != nil {
			b.Fatal(err)
		}
		stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Header_{Header: h}})
		for _, name := range []string{"syn0", "syn1neg"} {
			stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Delta_{Delta: &pb.PushRequest_Delta{Sparse: true,
				Tensor: &pb.Tensor{Name: name, Dtype: "float32", Shape: []uint64{benchRows, benchDim}}}}})
			for first := 0; first < benchRows; first += 10_000 {
				stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Chunk_{Chunk: &pb.PushRequest_Chunk{Keys: bytesOf(keys[first : first+10_000]),
					Values: raw[first*4*benchDim : (first+10_000)*4*benchDim]}}})
			}
		}
		if r, err := stream.CloseAndRecv(); err != nil || r.Outcome != pb.PushResponse_APPLIED {
			b.Fatal(r, err)
		}
	}
}

func BenchmarkPull(b *testing.B) {
	_, w, id := benchTraining(b)
	b.SetBytes(2 * 4 * benchRows * benchDim)
	for range b.N {
		if _, err := w.pull(&pb.PullRequest{TrainingId: id}); err != nil {
			b.Fatal(err)
		}
	}
}

func bytesOf(k []uint32) []byte { return keys(k) }
