package service

import (
	"encoding/binary"
	"encoding/json"
	"sync"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// buffers are what rows are gathered in before they are sent; marshalling copies them, so one per stream is enough.
var buffers = sync.Pool{New: func() any { b := make([]byte, maxChunk); return &b }}

// Pull streams rows of one version.
func (s *Service) Pull(r *pb.PullRequest, stream pb.ParameterServer_PullServer) error {
	var rows []session.RowsWanted
	for _, wanted := range r.Rows {
		keys, err := keysOf(nil, wanted.Keys)
		if err != nil {
			return invalid("pull %q: %v", wanted.Tensor, err)
		}
		rows = append(rows, session.RowsWanted{Tensor: wanted.Tensor, Keys: keys})
	}
	view, err := s.session.Pull(stream.Context(), r.WorkerId, r.TrainingId, rows, r.IfNotVersion)
	if err != nil {
		return statusOf(err)
	}
	defer view.Done()
	header := &pb.PullResponse_Header{Version: view.Version, Unchanged: view.Unchanged, AppliedWords: view.AppliedWords}
	if len(view.Numbers) > 0 {
		if header.Numbers, err = json.Marshal(view.Numbers); err != nil {
			return statusOf(err)
		}
	}
	for _, p := range view.Parts {
		t := &pb.Tensor{Name: p.Name, Dtype: p.DType}
		for _, n := range p.Shape {
			t.Shape = append(t.Shape, uint64(n))
		}
		header.Tensors = append(header.Tensors, t)
	}
	if err := stream.Send(&pb.PullResponse{Part: &pb.PullResponse_Header_{Header: header}}); err != nil {
		return err
	}
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for i := range view.Parts {
		err := view.Parts[i].Each(*buffer, func(offset uint64, values []byte) error {
			return stream.Send(&pb.PullResponse{Part: &pb.PullResponse_Chunk_{Chunk: &pb.PullResponse_Chunk{Tensor: uint32(i), Offset: offset, Values: values}}})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// keysOf appends keys from their bytes. No bytes leave a nil slice nil: every row.
func keysOf(keys []uint32, data []byte) ([]uint32, error) {
	if len(data)%4 != 0 {
		return nil, invalid("keys of %d bytes", len(data))
	}
	for ; len(data) > 0; data = data[4:] {
		keys = append(keys, binary.LittleEndian.Uint32(data))
	}
	return keys, nil
}
