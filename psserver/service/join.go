package service

import (
	"context"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// maxText bounds what a sidecar tells of itself: it is shown to people.
const maxText = 256

// Join makes a sidecar a worker.
func (s *Service) Join(_ context.Context, r *pb.JoinRequest) (*pb.JoinResponse, error) {
	for _, text := range []string{r.Build, r.Host, r.Kernel, r.SessionId} {
		if len(text) > maxText {
			return nil, invalid("join: a name of %d bytes; at most %d are taken", len(text), maxText)
		}
	}
	id, err := s.session.Join(session.Newcomer{Protocol: r.Protocol, Build: r.Build, Host: r.Host, PID: r.Pid, Kernel: r.Kernel, SessionID: r.SessionId})
	if err != nil {
		return nil, statusOf(err)
	}
	report, lease := s.session.Times()
	return &pb.JoinResponse{WorkerId: id, ReportIntervalMs: uint32(report.Milliseconds()), LeaseMs: uint32(lease.Milliseconds())}, nil
}
