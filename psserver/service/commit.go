package service

import (
	"errors"
	"io"

	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/vocabulary"
)

// Commit takes the counts of one partition. They are merged when the stream has ended in order, all or none.
func (s *Service) Commit(stream pb.ParameterServer_CommitServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	h := first.GetHeader()
	if h == nil {
		return invalid("commit: the first message is not a header")
	}
	var entries []vocabulary.Entry
	for {
		m, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if entries, err = entriesOf(entries, m.GetCounts()); err != nil {
			return invalid("commit of partition %d: %v", h.Partition, err)
		}
		if uint64(len(entries)) > h.Distinct {
			return invalid("commit of partition %d: more than the %d words announced", h.Partition, h.Distinct)
		}
	}
	accepted, err := s.session.Commit(h.WorkerId, h.TrainingId, h.Partition, vocabulary.Partition{Rows: h.Rows, Records: h.Records,
		Words: h.Words, SplitSentences: h.SplitSentences, SpoolBytes: h.SpoolBytes, Distinct: h.Distinct, Attempt: h.Attempt}, entries)
	if err != nil {
		return statusOf(err)
	}
	return stream.SendAndClose(&pb.CommitResponse{Accepted: accepted})
}

// entriesOf takes words apart that lie one after another. What they are is checked when they are merged.
func entriesOf(entries []vocabulary.Entry, c *pb.Counts) ([]vocabulary.Entry, error) {
	if c == nil {
		return nil, errors.New("a message without counts")
	}
	if len(c.Lengths) != len(c.Counts) {
		return nil, errors.New("lengths and counts differ in number")
	}
	text := string(c.Words) // one string that all the words share
	for i, n := range c.Lengths {
		if uint64(n) > uint64(len(text)) {
			return nil, errors.New("the words are longer than their bytes")
		}
		entries = append(entries, vocabulary.Entry{Word: text[:n], Count: c.Counts[i]})
		text = text[n:]
	}
	if text != "" {
		return nil, errors.New("bytes are left behind the last word")
	}
	return entries, nil
}
