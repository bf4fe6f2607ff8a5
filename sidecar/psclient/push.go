package psclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
	pb "deepdist/proto/deepdist/v1"
)

// Push is the deltas of one slice, or one gradient, with the cursors that it moves.
type Push struct {
	ID            string
	TrainingID    uint32
	PulledVersion uint64
	Cursors       []Cursor
	Loss          float64
	LossPairs     uint64
	Seconds       float64
	Alpha         float32
	Attempt       int64
	Numbers       map[string]float64
	Deltas        []Delta
}

// Delta is what a push carries for one tensor.
type Delta struct {
	Tensor
	Sparse   bool
	Keys     []uint32 // of the rows, if sparse
	Rows     int
	RowBytes int
	// Values returns the rows [first, end); the bytes may be overwritten by the next call.
	Values func(first, end int) []byte
}

func (d *Delta) bytes() uint64 { return uint64(d.Rows)*uint64(d.RowBytes) + 4*uint64(len(d.Keys)) }

// Outcome is what became of a push.
type Outcome int

// The outcomes. A refused push is an error instead.
const (
	Applied Outcome = iota
	Moved           // cursors stood elsewhere: nothing was applied
	Closed          // the training has ended
)

// String is the outcome's name in the protocol.
func (o Outcome) String() string { return [...]string{"applied", "moved", "closed"}[o] }

// PushResult is the answer to a push.
type PushResult struct {
	Outcome Outcome
	Version uint64   // after it
	Moved   []Cursor // where the moved cursors stand
}

// Push sends deltas. It may take as long as the user's descent does.
func (c *Client) Push(ctx context.Context, p Push) (result PushResult, err error) {
	header, err := c.pushHeader(p)
	if err != nil {
		return result, err
	}
	err = c.retry(ctx, "push", time.Hour, func(ctx context.Context) error {
		stream, err := c.api.Push(ctx)
		if err != nil {
			return err
		}
		if err := sendPush(stream, header, p.Deltas); err != nil && err != io.EOF {
			return err
		}
		answer, err := stream.CloseAndRecv()
		if err != nil {
			return err
		}
		result = PushResult{Version: answer.Version, Moved: cursors(answer.Moved)}
		switch answer.Outcome {
		case pb.PushResponse_APPLIED:
			result.Outcome = Applied
		case pb.PushResponse_MOVED:
			result.Outcome = Moved
		case pb.PushResponse_CLOSED:
			result.Outcome = Closed
		case pb.PushResponse_REFUSED:
			return frame.Errorf(frame.BadInput, "%s", answer.Reason)
		default:
			return fmt.Errorf("push: unknown outcome %v", answer.Outcome)
		}
		return nil
	})
	if err == nil && result.Outcome == Applied {
		c.tally.applied(&p, header.Bytes, result.Version)
	}
	return result, err
}

func (c *Client) pushHeader(p Push) (*pb.PushRequest_Header, error) {
	h := &pb.PushRequest_Header{
		PushId: p.ID, WorkerId: c.worker, TrainingId: p.TrainingID, PulledVersion: p.PulledVersion,
		Loss: p.Loss, LossPairs: p.LossPairs, Seconds: p.Seconds, Alpha: p.Alpha, Attempt: p.Attempt,
	}
	for _, cursor := range p.Cursors {
		h.Cursors = append(h.Cursors, cursor.proto())
	}
	for i := range p.Deltas {
		h.Bytes += p.Deltas[i].bytes()
	}
	if len(p.Numbers) > 0 {
		numbers, err := json.Marshal(p.Numbers)
		if err != nil { // JSON has no NaN and no infinity
			return nil, frame.Errorf(frame.BadInput, "push: the update's numbers must be finite: %v", p.Numbers)
		}
		h.Numbers = numbers
	}
	return h, nil
}

// sendPush streams header, deltas and their chunks. io.EOF means that the server has answered early.
func sendPush(stream pb.ParameterServer_PushClient, header *pb.PushRequest_Header, deltas []Delta) error {
	if err := stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Header_{Header: header}}); err != nil {
		return err
	}
	for i := range deltas {
		d := &deltas[i]
		shape := make([]uint64, len(d.Shape))
		for i, n := range d.Shape {
			shape[i] = uint64(n)
		}
		if err := stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Delta_{Delta: &pb.PushRequest_Delta{
			Tensor: &pb.Tensor{Name: d.Name, Dtype: d.DType, Shape: shape}, Sparse: d.Sparse,
		}}}); err != nil {
			return err
		}
		if err := sendChunks(stream, d); err != nil {
			return err
		}
	}
	return nil
}

func sendChunks(stream pb.ParameterServer_PushClient, d *Delta) error {
	perRow := d.RowBytes
	if d.Sparse {
		perRow += 4
	}
	if perRow > chunkBytes {
		return sendLongRows(stream, d)
	}
	step := max(1, chunkBytes/max(1, perRow))
	for first := 0; first < d.Rows; first += step {
		end := min(d.Rows, first+step)
		chunk := &pb.PushRequest_Chunk{Values: d.Values(first, end)}
		if d.Sparse {
			chunk.Keys = bundle.Bytes(d.Keys[first:end])
		}
		if err := stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Chunk_{Chunk: chunk}}); err != nil {
			return err
		}
	}
	return nil
}

// sendLongRows cuts rows that are longer than a chunk. The key goes with the first piece.
func sendLongRows(stream pb.ParameterServer_PushClient, d *Delta) error {
	for row := range d.Rows {
		values := d.Values(row, row+1)
		for at := 0; at < len(values); at += chunkBytes / 2 {
			chunk := &pb.PushRequest_Chunk{Values: values[at:min(len(values), at+chunkBytes/2)]}
			if d.Sparse && at == 0 {
				chunk.Keys = bundle.Bytes(d.Keys[row : row+1])
			}
			if err := stream.Send(&pb.PushRequest{Part: &pb.PushRequest_Chunk_{Chunk: chunk}}); err != nil {
				return err
			}
		}
	}
	return nil
}
