package service

import (
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// messages takes foreign bytes apart as a stream would bring them: length-prefixed.
func messages(data []byte, each func([]byte) bool) {
	for len(data) > 0 {
		body, n := protowire.ConsumeBytes(data)
		if n < 0 || !each(body) {
			return
		}
		data = data[n:]
	}
}

func stream(list ...proto.Message) (out []byte) {
	for _, m := range list {
		body, err := proto.Marshal(m)
		if err != nil {
			panic(err)
		}
		out = protowire.AppendBytes(out, body)
	}
	return out
}

func deltaOf(name, dtype string, sparse bool, shape ...uint64) *pb.PushRequest {
	return &pb.PushRequest{Part: &pb.PushRequest_Delta_{Delta: &pb.PushRequest_Delta{Sparse: sparse, Tensor: &pb.Tensor{Name: name, Dtype: dtype, Shape: shape}}}}
}

func chunkOf(keys, values []byte) *pb.PushRequest {
	return &pb.PushRequest{Part: &pb.PushRequest_Chunk_{Chunk: &pb.PushRequest_Chunk{Keys: keys, Values: values}}}
}

var fuzzSpecs = map[string]session.Spec{
	"w": {DType: "float32", Shape: []int{3, 2}},
	"h": {DType: "float16", Shape: []int{4}},
	"s": {DType: "float64", Shape: []int{}},
	"e": {DType: "int64", Shape: []int{0, 5}},
}

// pushSeeds are streams that sidecars send, and some that they never should.
func pushSeeds() [][]byte {
	return [][]byte{
		stream(deltaOf("w", "float32", false, 3, 2), chunkOf(nil, make([]byte, 24))),
		stream(deltaOf("w", "float32", true, 2, 2), chunkOf([]byte{0, 0, 0, 0, 2, 0, 0, 0}, make([]byte, 16)), deltaOf("s", "float64", false), chunkOf(nil, make([]byte, 8))),
		stream(deltaOf("h", "float16", false, 4), chunkOf(nil, []byte{0, 0x7c}), chunkOf(nil, make([]byte, 6))),
		stream(deltaOf("e", "int64", true, 0, 5)),
		stream(deltaOf("w", "float32", true, 1<<62, 2), chunkOf([]byte{9, 0, 0, 0}, nil)),
		stream(deltaOf("w", "float32", true, 1, 1<<63), chunkOf(nil, nil)),
		stream(chunkOf([]byte{1}, []byte{2})),
	}
}

// FuzzStage stages foreign pushes. What it lets through must be what the session may apply without another look.
func FuzzStage(f *testing.F) {
	for _, s := range pushSeeds() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &stage{specs: fuzzSpecs, left: 1 << 16}
		ok := true
		messages(data, func(body []byte) bool {
			var m pb.PushRequest
			ok = proto.Unmarshal(body, &m) == nil && s.take(&m) == nil
			return ok
		})
		if !ok || s.close() != nil {
			return
		}
		for i := range s.deltas {
			d := &s.deltas[i]
			if err := session.Matches(fuzzSpecs[d.Name], d); err != nil {
				t.Errorf("staged, but %v", err)
			}
			if firstNotFinite(d) >= 0 {
				t.Errorf("%q is not finite", d.Name)
			}
			for k := 1; k < len(d.Keys); k++ {
				if d.Keys[k] <= d.Keys[k-1] {
					t.Errorf("keys %v", d.Keys)
				}
			}
		}
	})
}

// FuzzCounts takes foreign counts apart: the words must be the bytes, cut at the lengths.
func FuzzCounts(f *testing.F) {
	for _, c := range []*pb.Counts{
		{Words: []byte("abäc"), Lengths: []uint32{1, 1, 2, 1}, Counts: []uint64{3, 2, 2, 1}},
		{Words: []byte("ab"), Lengths: []uint32{1, 1 << 31}, Counts: []uint64{1, 1}},
		{Words: []byte("ab"), Lengths: []uint32{2}, Counts: nil},
	} {
		body, _ := proto.Marshal(c)
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c pb.Counts
		if proto.Unmarshal(data, &c) != nil {
			return
		}
		entries, err := entriesOf(nil, &c)
		if err != nil {
			return
		}
		joined := ""
		for _, e := range entries {
			joined += e.Word
		}
		if joined != string(c.Words) || len(entries) != len(c.Counts) {
			t.Errorf("%q became %v", c.Words, entries)
		}
	})
}
