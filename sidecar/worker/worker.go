package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"deepdist/sidecar/psclient"
	"deepdist/sidecar/spool"
	"deepdist/sidecar/word2vec"
)

// train is native word2vec as one worker does it: the loop that everything else is there for.
//
// It returns nil when nothing more can be claimed, or when no task lends a core any more; then what is held stays held, and the
// next task goes on.
func (t *training) train() error {
	if err := t.prepare(); err != nil {
		return err
	}
	t.exhausted = false
	for t.seats.count() > 0 {
		leave, err := t.claim()
		if err != nil {
			return err
		}
		if leave.words == 0 {
			if leave.exhausted {
				t.exhausted = true
				return nil
			}
			continue // the server had none yet: is anybody still here?
		}
		slice, rates, err := t.ready(leave)
		if errors.Is(err, spool.ErrDamaged) {
			if err := t.disown(t.source.half.claim.partition, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		if len(slice.cursors) == 0 {
			continue
		}
		began := time.Now()
		stats, complete := t.trainSlice(slice, t.rows.Matrices(), rates)
		if !complete {
			if err := t.ctx.Err(); err != nil {
				return context.Cause(t.ctx)
			}
			return t.abandon(slice) // every task has left in the middle of the slice
		}
		if err := t.push(slice, stats, rates, time.Since(began)); err != nil {
			return err
		}
	}
	return nil
}

// leave is the server's leave to train a slice.
type leave struct {
	words     uint64
	applied   uint64
	total     uint64
	exhausted bool
}

// claimsAhead is how many (epoch, partition) are held at once: so that a slice may span small partitions.
const claimsAhead = 64

// claim asks for work up to claimsAhead, and for leave to start a slice.
func (t *training) claim() (leave, error) {
	work, err := t.worker.client.Claim(t.ctx, t.id, uint32(max(0, claimsAhead-len(t.claims))), true, time.Second)
	if err != nil {
		return leave{}, err
	}
	again := false
	for _, c := range work.Claims {
		if held := t.held(c.Epoch, c.Partition); held != nil {
			held.at, again = c, true // reopened meanwhile, and spooled here once more
			continue
		}
		t.hold(&claim{epoch: c.Epoch, partition: c.Partition, at: c})
	}
	if again {
		t.resume(nil)
	}
	t.progress.set(work.AppliedWords, work.TotalWords)
	return leave{words: work.SliceWords, applied: work.AppliedWords, total: work.TotalWords, exhausted: work.Exhausted && len(t.claims) == 0}, nil
}

// held finds a claim.
func (t *training) held(epoch, partition uint32) *claim {
	for _, c := range t.claims {
		if c.epoch == epoch && c.partition == partition {
			return c
		}
	}
	return nil
}

// hold gives a claim to the feed.
func (t *training) hold(c *claim) {
	t.claims = append(t.claims, c)
	t.source.feed.add(c)
	t.source.open++
}

// ready cuts a slice and fetches the rows for it. Long slices touch most of the vocabulary, and then all rows are held: they are fetched while the slice is still read;
// as long as nobody else pushes they stay what the server has, and it has only that to say.
func (t *training) ready(l leave) (s *slice, r rates, err error) {
	words := min(l.words, t.limit)
	if !t.rows.Current() && !touchesMost(min(words, t.epochWords(), l.total-min(l.total, l.applied)), t.model.RowsPerWord(), t.vocabulary.Len()) {
		if s, err = t.source.cut(t.ctx, words); err != nil || len(s.cursors) == 0 {
			return s, r, err
		}
		t.needed.Reset()
		for _, p := range s.pieces {
			for i := p.from; i < p.to; i++ {
				t.model.Need(p.chunk.record(i), &t.scratch, t.needed)
			}
		}
		t.rows.Hold(t.needed)
		r, err = t.pull(l)
		return s, r, err
	}
	var pulling sync.WaitGroup
	var pullErr error
	pulling.Go(func() {
		t.rows.HoldWhole()
		r, pullErr = t.pull(l)
	})
	s, err = t.source.cut(t.ctx, words)
	pulling.Wait()
	return s, r, cmp.Or(err, pullErr)
}

// touchesMost tells whether so many words touch most rows: each as many as it is predicted by, but many come several times.
func touchesMost(words uint64, rowsPerWord, vocabulary int) bool {
	return words*uint64(rowsPerWord) >= 2*uint64(vocabulary)
}

// pull fetches the rows that are held.
func (t *training) pull(l leave) (rates, error) {
	settings := t.model.Settings()
	r := rates{alpha: settings.Alpha, minAlpha: settings.MinAlpha, applied: l.applied, total: l.total}
	if rows, ifNotVersion := t.rows.Wanted(); len(rows) > 0 {
		if err := t.worker.client.Pull(t.ctx, t.id, rows, ifNotVersion, t.rows); err != nil {
			return r, err
		}
		t.rows.Ready()
		r.applied = t.rows.Pulled().AppliedWords
	}
	t.replicaSize.Store(t.rows.Bytes() + t.copyBytes())
	return r, nil
}

// push sends the slice's deltas with its cursors, and settles the replica by the answer.
func (t *training) push(s *slice, stats word2vec.Stats, r rates, took time.Duration) error {
	t.pushes++
	result, err := t.worker.client.Push(t.ctx, psclient.Push{
		ID: fmt.Sprintf("%s/%d/%d", t.worker.ID(), t.id, t.pushes), TrainingID: t.id, PulledVersion: t.rows.Pulled().Version,
		Cursors: s.cursors, Loss: stats.Loss, LossPairs: stats.LossPairs, Seconds: took.Seconds(), Alpha: r.at(s.words), Deltas: t.rows.Deltas(),
	})
	if err != nil {
		return err
	}
	switch result.Outcome {
	case psclient.Applied:
		t.rows.Settle(result.Version)
		t.advance(s.cursors)
		t.progress.trained(s.words, took, r.at(s.words))
		s.giveBack(&t.source)
		return nil
	case psclient.Moved:
		t.worker.log.Info("cursors have moved: planning the others again", "training", t.id, "moved", len(result.Moved))
		t.rows.Forget()
		t.resume(result.Moved)
		return nil
	default:
		return t.stopped()
	}
}

// abandon drops a slice that nobody will finish: its records are read again from the cursors. An empty push tells the server that
// the slice is not in flight any more, since others may wait for that.
func (t *training) abandon(s *slice) error {
	t.rows.Forget()
	t.resume(nil)
	first := s.cursors[0]
	first.To, first.Hash, first.Words, first.Last = first.From, first.PrefixHash, 0, false
	t.pushes++
	_, err := t.worker.client.Push(t.ctx, psclient.Push{
		ID: fmt.Sprintf("%s/%d/%d", t.worker.ID(), t.id, t.pushes), TrainingID: t.id, PulledVersion: t.rows.Pulled().Version, Cursors: []psclient.Cursor{first},
	})
	return err
}

// advance notes what has been applied.
func (t *training) advance(cursors []psclient.Cursor) {
	for _, c := range cursors {
		held := t.held(c.Epoch, c.Partition)
		if held == nil {
			continue
		}
		c.From, c.PrefixHash = c.To, c.Hash
		held.at = c
		if c.Last {
			t.claims = slices.DeleteFunc(t.claims, func(other *claim) bool { return other == held })
		}
	}
}

// disown gives up a partition whose spool can't be read: the driver has it ingested again, and it is trained on from its cursors. The
// other partitions do not wait for that.
func (t *training) disown(partition uint32, reason error) error {
	t.worker.log.Error("spool lost", "training", t.id, "partition", partition, "error", reason)
	t.source.feed.stop()
	t.lose(partition)
	t.claims = slices.DeleteFunc(t.claims, func(c *claim) bool { return c.partition == partition })
	if err := t.worker.client.Disown(t.ctx, t.id, partition, reason); err != nil {
		return err
	}
	t.resume(nil)
	return nil
}

// resume reads on from the cursors, of which some stand elsewhere than this worker thought.
func (t *training) resume(moved []psclient.Cursor) {
	t.advance(moved)
	t.source.feed.stop()
	t.source = source{feed: t.newFeed()}
	claims := t.claims
	t.claims = nil
	for _, c := range claims {
		t.hold(c)
	}
}
