package session

import "deepdist/psserver/vocabulary"

// Commit hands over what a worker counted in one partition, whose spool it keeps if this is accepted.
func (s *Session) Commit(workerID string, trainingID, partition uint32, p vocabulary.Partition, entries []vocabulary.Entry) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.worker(workerID)
	if err != nil {
		return false, err
	}
	t, err := s.wordTraining(trainingID)
	if err != nil {
		return false, err
	}
	if partition >= t.partitions {
		return false, faultf(ErrBadInput, "training %d has %d partitions, there is no %d", t.id, t.partitions, partition)
	}
	accepted, err := t.words.merge.Commit(partition, p, entries)
	if err != nil {
		return false, faultf(ErrBadInput, "%w", err)
	}
	if accepted {
		t.words.book.Own(w.id, partition)
	}
	if !accepted && t.words.book.Owner(partition) == w.id && t.words.merge.Attempt(partition) == p.Attempt {
		accepted = true // the same attempt once more: its answer was lost
	}
	s.touch()
	return accepted, nil
}

// Disown takes a partition from a worker that can't read its spool any more: it is missing then, and its cursors stay. If the worker
// has it no more, nothing changes.
func (s *Session) Disown(workerID string, trainingID, partition uint32, reason string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.worker(workerID)
	if err != nil {
		return err
	}
	t, err := s.wordTraining(trainingID)
	if err != nil {
		return err
	}
	if t.words.book.Owner(partition) == w.id {
		t.words.book.Reopen(partition)
		s.log.Warn("spool lost", "training", t.id, "partition", partition, "worker", w.id, "host", w.about.Host, "reason", reason)
		s.touch()
	}
	return nil
}

// IngestStatus is how far the ingest is.
type IngestStatus struct {
	Committed      int      `json:"committed"`
	Missing        []uint32 `json:"missing"`
	Rows           uint64   `json:"rows"`
	Words          uint64   `json:"words"`
	Records        uint64   `json:"records"`
	SplitSentences uint64   `json:"split_sentences"`
}

// IngestStatus tells which partitions have been committed. One whose worker has left since is missing again, if it is still needed.
func (s *Session) IngestStatus(id uint32) (IngestStatus, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.wordTraining(id)
	if err != nil {
		return IngestStatus{}, err
	}
	total, _ := t.words.merge.Totals()
	status := IngestStatus{Missing: []uint32{}, Rows: total.Rows, Words: total.Words, Records: total.Records, SplitSentences: total.SplitSentences}
	for p := range t.partitions {
		if t.words.merge.Committed(p) {
			status.Committed++
		} else {
			status.Missing = append(status.Missing, p)
		}
	}
	return status, nil
}
