package psclient

import (
	"context"
	"io"
	"strings"
	"time"

	pb "deepdist/proto/deepdist/v1"
)

// Partition is what Commit says of an ingested partition.
type Partition struct {
	TrainingID, Partition                                      uint32
	Attempt                                                    int64
	Rows, Records, Words, SplitSentences, SpoolBytes, Distinct uint64
}

// Words are counted words, by number.
type Words interface {
	Len() int
	Word(number int) []byte
	Count(number int) uint64
}

// Commit hands a partition's counts over. It returns false if another attempt was first.
func (c *Client) Commit(ctx context.Context, p Partition, words Words) (accepted bool, err error) {
	err = c.retry(ctx, "commit counts", 2*time.Minute, func(ctx context.Context) error {
		stream, err := c.api.Commit(ctx)
		if err != nil {
			return err
		}
		if err := sendCommit(stream, c.worker, p, words); err != nil && err != io.EOF {
			return err
		}
		answer, err := stream.CloseAndRecv() // after io.EOF this returns why the server has ended the stream
		if err != nil {
			return err
		}
		accepted = answer.Accepted
		return nil
	})
	return accepted, err
}

func sendCommit(stream pb.ParameterServer_CommitClient, worker string, p Partition, words Words) error {
	if err := stream.Send(&pb.CommitRequest{Part: &pb.CommitRequest_Header_{Header: &pb.CommitRequest_Header{
		WorkerId: worker, TrainingId: p.TrainingID, Partition: p.Partition, Attempt: p.Attempt, Records: p.Records, Words: p.Words,
		Rows: p.Rows, SplitSentences: p.SplitSentences, SpoolBytes: p.SpoolBytes, Distinct: p.Distinct,
	}}}); err != nil {
		return err
	}
	counts := &pb.Counts{}
	flush := func() error {
		err := stream.Send(&pb.CommitRequest{Part: &pb.CommitRequest_Counts{Counts: counts}})
		counts.Words, counts.Lengths, counts.Counts = counts.Words[:0], counts.Lengths[:0], counts.Counts[:0]
		return err
	}
	for i := range words.Len() {
		word := words.Word(i)
		if len(counts.Words)+len(word) > chunkBytes || len(counts.Lengths) == 1<<16 {
			if err := flush(); err != nil {
				return err
			}
		}
		counts.Words = append(counts.Words, word...)
		counts.Lengths = append(counts.Lengths, uint32(len(word)))
		counts.Counts = append(counts.Counts, words.Count(i))
	}
	if len(counts.Lengths) == 0 {
		return nil
	}
	return flush()
}

// Disown tells the server that the spool of a committed partition can't be read any more, and why.
func (c *Client) Disown(ctx context.Context, training, partition uint32, reason error) error {
	return c.retry(ctx, "disown partition", answerTime, func(ctx context.Context) error {
		_, err := c.api.Disown(ctx, &pb.DisownRequest{WorkerId: c.worker, TrainingId: training, Partition: partition, Reason: strings.ToValidUTF8(reason.Error(), "")})
		return err
	})
}
