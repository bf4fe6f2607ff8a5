package psclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"deepdist/internal/bundle"
	pb "deepdist/proto/deepdist/v1"
)

// Rows names rows of a tensor; no keys: all of them.
type Rows struct {
	Tensor string
	Keys   []uint32 // ascending
}

// Tensor describes one.
type Tensor struct {
	Name  string
	DType string
	Shape []int
}

// Pulled is what a pull says before its values.
type Pulled struct {
	Version      uint64
	Unchanged    bool
	AppliedWords uint64
	Tensors      []Tensor
	Numbers      map[string]float64
}

// PullSink takes what a pull brings. When a pull is repeated, Begin is called again and the values start anew.
type PullSink interface {
	Begin(Pulled) error
	// Values brings bytes of tensor i (of the rows asked for, else of the tensors listed) from offset on; they are valid during the call.
	Values(i int, offset uint64, values []byte) error
}

// Pull reads rows of one version, or (without rows) all tensors whole. With ifNotVersion ≠ 0 the server answers Unchanged, without
// values, if that is still the version.
func (c *Client) Pull(ctx context.Context, training uint32, rows []Rows, ifNotVersion uint64, sink PullSink) error {
	request := &pb.PullRequest{WorkerId: c.worker, TrainingId: training, IfNotVersion: ifNotVersion}
	for _, r := range rows {
		request.Rows = append(request.Rows, &pb.PullRequest_Rows{Tensor: r.Tensor, Keys: bundle.Bytes(r.Keys)})
	}
	return c.retry(ctx, "pull", time.Hour, func(ctx context.Context) error {
		stream, err := c.api.Pull(ctx, request)
		if err != nil {
			return err
		}
		for first := true; ; first = false {
			message, err := stream.Recv()
			if err == io.EOF && !first {
				return nil
			}
			if err != nil {
				return err
			}
			if err := take(message, first, sink); err != nil {
				return err
			}
			c.tally.pulledBytes.Add(uint64(len(message.GetChunk().GetValues())))
		}
	})
}

func take(message *pb.PullResponse, first bool, sink PullSink) error {
	if first {
		h := message.GetHeader()
		if h == nil {
			return fmt.Errorf("pull: the answer does not begin with a header")
		}
		p, err := pulled(h)
		if err != nil {
			return err
		}
		return sink.Begin(p)
	}
	chunk := message.GetChunk()
	if chunk == nil {
		return fmt.Errorf("pull: a message without values")
	}
	return sink.Values(int(chunk.Tensor), chunk.Offset, chunk.Values)
}

func pulled(h *pb.PullResponse_Header) (Pulled, error) {
	p := Pulled{Version: h.Version, Unchanged: h.Unchanged, AppliedWords: h.AppliedWords}
	for _, t := range h.Tensors {
		shape := make([]int, len(t.Shape))
		for i, n := range t.Shape {
			shape[i] = int(n)
		}
		p.Tensors = append(p.Tensors, Tensor{Name: t.Name, DType: t.Dtype, Shape: shape})
	}
	if len(h.Numbers) > 0 {
		if err := json.Unmarshal(h.Numbers, &p.Numbers); err != nil {
			return p, fmt.Errorf("pull: numbers: %w", err)
		}
	}
	return p, nil
}
