package service

import (
	"context"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// Report renews a lease. The connection that it comes on is taken for the worker's line: see hangUps.
func (s *Service) Report(ctx context.Context, r *pb.ReportRequest) (*pb.ReportResponse, error) {
	closed, stop, err := s.session.Report(r.WorkerId, session.Report{RSSBytes: r.RssBytes, ReplicaBytes: r.ReplicaBytes,
		SpoolBytes: r.SpoolBytes, Threads: r.Threads, Words: r.Words, TrainingID: r.TrainingId})
	if err != nil {
		return nil, statusOf(err)
	}
	reporting(ctx, r.WorkerId)
	return &pb.ReportResponse{ClosedTrainings: closed, Stop: stop}, nil
}
