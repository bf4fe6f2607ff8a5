package service

import (
	"context"

	pb "deepdist/proto/deepdist/v1"
)

// Leave frees what a worker holds.
func (s *Service) Leave(_ context.Context, r *pb.LeaveRequest) (*pb.LeaveResponse, error) {
	if err := s.session.Leave(r.WorkerId, r.Reason[:min(len(r.Reason), maxText)]); err != nil {
		return nil, statusOf(err)
	}
	return &pb.LeaveResponse{}, nil
}
