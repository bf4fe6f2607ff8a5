package psclient

import (
	"context"
	"os"
	"time"

	"deepdist/internal/version"
	pb "deepdist/proto/deepdist/v1"
)

// Join makes this sidecar a worker of the session. kernel is the name of the arithmetic in use.
func (c *Client) Join(ctx context.Context, kernel string) error {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return c.retry(ctx, "join", answerTime, func(ctx context.Context) error {
		answer, err := c.pulse.Join(ctx, &pb.JoinRequest{
			Protocol: version.Protocol, Build: version.Build, Host: host, Pid: int64(os.Getpid()), Kernel: kernel, SessionId: c.server.SessionID,
		})
		if err != nil {
			return err
		}
		c.worker = answer.WorkerId
		c.ReportInterval = max(100*time.Millisecond, time.Duration(answer.ReportIntervalMs)*time.Millisecond)
		c.Lease = time.Duration(answer.LeaseMs) * time.Millisecond
		return nil
	})
}

// Leave ends this worker's part in the session. It is tried once: a server that can't be reached notices by itself.
func (c *Client) Leave(ctx context.Context, reason string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	_, err := c.pulse.Leave(ctx, &pb.LeaveRequest{WorkerId: c.worker, Reason: reason})
	return err
}

// Figures are what a worker reports of itself.
type Figures struct {
	RSS, ReplicaBytes, SpoolBytes uint64
	Threads                       uint32
	Words                         uint64 // trained so far, of TrainingID
	TrainingID                    uint32
}

// Report renews the lease. It returns the trainings that have ended, and why the session ends if it does.
func (c *Client) Report(ctx context.Context, f Figures) (closed []uint32, stop string, err error) {
	err = c.retry(ctx, "report", answerTime, func(ctx context.Context) error {
		answer, err := c.pulse.Report(ctx, &pb.ReportRequest{
			WorkerId: c.worker, RssBytes: f.RSS, ReplicaBytes: f.ReplicaBytes, SpoolBytes: f.SpoolBytes,
			Threads: f.Threads, Words: f.Words, TrainingId: f.TrainingID,
		})
		if err != nil {
			return err
		}
		closed, stop = answer.ClosedTrainings, answer.Stop
		return nil
	})
	return closed, stop, err
}
