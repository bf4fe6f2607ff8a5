package service

import (
	"context"

	pb "deepdist/proto/deepdist/v1"
)

// Disown takes a partition from the worker that has lost its spool.
func (s *Service) Disown(_ context.Context, r *pb.DisownRequest) (*pb.DisownResponse, error) {
	if err := s.session.Disown(r.WorkerId, r.TrainingId, r.Partition, r.Reason[:min(len(r.Reason), maxText)]); err != nil {
		return nil, statusOf(err)
	}
	return &pb.DisownResponse{}, nil
}
