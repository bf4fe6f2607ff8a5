package psclient

import (
	"context"
	"time"

	pb "deepdist/proto/deepdist/v1"
)

// Cursor is a range of records of one pass over one partition. Of a claim, From = To: where to go on.
type Cursor struct {
	Epoch, Partition uint32
	From, To         uint64 // records
	Words            uint64 // raw in-vocabulary words in [From, To)
	PrefixHash       uint64 // of the records before From
	Hash             uint64 // of the records before To
	Last             bool   // To is the end
}

func (c Cursor) proto() *pb.Cursor {
	return &pb.Cursor{Epoch: c.Epoch, Partition: c.Partition, From: c.From, To: c.To, Words: c.Words, PrefixHash: c.PrefixHash, Hash: c.Hash, Last: c.Last}
}

func cursors(list []*pb.Cursor) []Cursor {
	out := make([]Cursor, len(list))
	for i, c := range list {
		out[i] = Cursor{Epoch: c.Epoch, Partition: c.Partition, From: c.From, To: c.To, Words: c.Words, PrefixHash: c.PrefixHash, Hash: c.Hash, Last: c.Last}
	}
	return out
}

// Work is the answer to a claim.
type Work struct {
	Claims       []Cursor
	SliceWords   uint64 // leave for a slice; 0: not yet
	AppliedWords uint64 // of the training, by all workers
	TotalWords   uint64 // of the training, all epochs
	Exhausted    bool   // nothing can be claimed any more
}

// Claim asks for up to want (epoch, partition) pairs, and for leave to start a slice. The server may take `wait` to answer.
func (c *Client) Claim(ctx context.Context, training, want uint32, slice bool, wait time.Duration) (w Work, err error) {
	err = c.retry(ctx, "claim", wait+answerTime, func(ctx context.Context) error {
		answer, err := c.api.Claim(ctx, &pb.ClaimRequest{
			WorkerId: c.worker, TrainingId: training, Want: want, Slice: slice, WaitMs: uint32(wait.Milliseconds()),
		})
		if err != nil {
			return err
		}
		w = Work{Claims: cursors(answer.Claims), SliceWords: answer.SliceWords, AppliedWords: answer.AppliedWords,
			TotalWords: answer.TotalWords, Exhausted: answer.Exhausted}
		return nil
	})
	return w, err
}
