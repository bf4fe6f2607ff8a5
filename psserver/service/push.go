package service

import (
	"encoding/json"
	"errors"
	"io"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/cursor"
	"deepdist/psserver/session"
)

// Push takes the deltas of one slice, or a gradient: staged first, then applied as a whole or not at all.
func (s *Service) Push(stream pb.ParameterServer_PushServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	h := first.GetHeader()
	if h == nil {
		return invalid("push: the first message is not a header")
	}
	specs, words, err := s.session.Specs(h.TrainingId)
	if errors.Is(err, session.ErrStopped) {
		return stream.SendAndClose(response(session.Outcome{Kind: session.Closed, Reason: err.Error()}))
	}
	if err != nil {
		return statusOf(err)
	}
	stage := &stage{specs: specs, left: h.Bytes}
	if words {
		stage.lend = s.session.Staging
	}
	if err := stage.announce(h.Bytes); err != nil {
		return s.refuse(stream, h, err)
	}
	release, err := s.session.Reserve(stream.Context(), int64(h.Bytes))
	if err != nil {
		return statusOf(err)
	}
	defer release()
	defer stage.free() // before the release: whoever waits for that is lent the same memory
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if err := stage.take(m); err != nil {
			return s.refuse(stream, h, err)
		}
	}
	if err := stage.finish(); err != nil {
		return s.refuse(stream, h, err)
	}
	push, err := pushOf(h, stage)
	if err != nil {
		return s.refuse(stream, h, err)
	}
	outcome, err := s.session.Push(stream.Context(), push)
	if err != nil {
		return statusOf(err)
	}
	if outcome.Kind == session.Refused {
		outcome.Reason = where(h, outcome.Reason)
	}
	return stream.SendAndClose(response(outcome))
}

// refuse answers before all has been read: the rest of the stream is dropped by gRPC.
func (s *Service) refuse(stream pb.ParameterServer_PushServer, h *pb.PushRequest_Header, err error) error {
	return stream.SendAndClose(response(s.session.Refuse(h.TrainingId, where(h, err.Error()))))
}

// where names the partition whose push is refused: that is what the user can look at.
func where(h *pb.PushRequest_Header, reason string) string {
	if len(h.Cursors) == 0 {
		return reason
	}
	return "partition " + itoa(h.Cursors[0].Partition) + ": " + reason
}

func pushOf(h *pb.PushRequest_Header, stage *stage) (*session.Push, error) {
	p := &session.Push{ID: h.PushId, WorkerID: h.WorkerId, TrainingID: h.TrainingId, PulledVersion: h.PulledVersion, Loss: h.Loss,
		LossPairs: h.LossPairs, Seconds: h.Seconds, Alpha: h.Alpha, Attempt: h.Attempt, Bytes: h.Bytes, Deltas: stage.deltas}
	if !finite(h.Loss) || !finite(float64(h.Alpha)) {
		return nil, invalidText("loss or alpha is not finite")
	}
	if len(h.PushId) > maxText {
		return nil, invalidText("the push id is too long")
	}
	for _, c := range h.Cursors {
		p.Moves = append(p.Moves, cursor.Move{Place: cursor.Place{Epoch: c.Epoch, Partition: c.Partition}, From: c.From, To: c.To,
			Words: c.Words, PrefixHash: c.PrefixHash, Hash: c.Hash, Last: c.Last})
	}
	if len(h.Numbers) > 0 {
		if err := json.Unmarshal(h.Numbers, &p.Numbers); err != nil {
			return nil, invalidText("numbers of the gradient: " + err.Error())
		}
	}
	return p, nil
}

func response(o session.Outcome) *pb.PushResponse {
	return &pb.PushResponse{Outcome: outcomes[o.Kind], Version: o.Version, Moved: cursors(o.Moved), Reason: o.Reason}
}

var outcomes = map[session.OutcomeKind]pb.PushResponse_Outcome{
	session.Applied: pb.PushResponse_APPLIED,
	session.Moved:   pb.PushResponse_MOVED,
	session.Refused: pb.PushResponse_REFUSED,
	session.Closed:  pb.PushResponse_CLOSED,
}
