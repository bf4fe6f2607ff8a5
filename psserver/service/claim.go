package service

import (
	"context"
	"time"

	pb "deepdist/proto/deepdist/v1"
)

// Claim gives work, and leave for a slice.
func (s *Service) Claim(ctx context.Context, r *pb.ClaimRequest) (*pb.ClaimResponse, error) {
	wait, cancel := context.WithTimeout(ctx, min(time.Duration(r.WaitMs)*time.Millisecond, maxWait))
	defer cancel()
	c, err := s.session.Claim(wait, r.WorkerId, r.TrainingId, r.Want, r.Slice)
	if err != nil {
		return nil, statusOf(err)
	}
	return &pb.ClaimResponse{Claims: cursors(c.Claims), SliceWords: c.SliceWords, AppliedWords: c.AppliedWords,
		TotalWords: c.TotalWords, Exhausted: c.Exhausted}, nil
}
