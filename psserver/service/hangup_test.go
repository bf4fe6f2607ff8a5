package service_test

import (
	"testing"
	"time"

	"google.golang.org/grpc"

	"deepdist/internal/auth"
	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

// The lease is an hour, so nothing but the end of the connection can tell.
func TestAWorkerThatHangsUpHasLeftLongBeforeItsLeaseEnds(t *testing.T) {
	s, _ := opened(t, session.Config{Lease: time.Hour})
	killed, reconnected := s.join(t), s.join(t)
	for _, p := range []*peer{killed, reconnected} {
		options, err := auth.DialOptions(string(s.creds.Token), s.creds.CertSHA256)
		if err != nil {
			t.Fatal(err)
		}
		line, err := grpc.NewClient(s.address, options...)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pb.NewParameterServerClient(line).Report(p.ctx, &pb.ReportRequest{WorkerId: p.id}); err != nil {
			t.Fatal(err)
		}
		line.Close()
	}
	for range 1000 { // a minute at most
		if _, err := reconnected.api.Report(reconnected.ctx, &pb.ReportRequest{WorkerId: reconnected.id}); err != nil {
			t.Fatalf("it called again, and yet: %v", err)
		}
		workers := s.Figures().Workers
		if workers[1].State == "left" {
			t.Fatal("a worker that has called again counts as gone")
		}
		if workers[0].State == "left" {
			return
		}
		time.Sleep(60 * time.Millisecond)
	}
	t.Error("a worker whose connection has ended is still waited for")
}
