package session

import (
	"context"
	"time"

	"deepdist/internal/bundle"
	"deepdist/internal/life"
	"deepdist/psserver/figures"
	"deepdist/psserver/vocabulary"
)

var _ figures.Source = (*Session)(nil)

// Figures takes a look at the run.
func (s *Session) Figures() figures.Figures {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.look()
}

// Wait blocks until the session has changed since look number seen, or ctx is done.
func (s *Session) Wait(ctx context.Context, seen uint64) (figures.Figures, uint64) {
	s.mu.Lock()
	for s.revision+1 <= seen && ctx.Err() == nil && s.closing == "" {
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		s.mu.Lock()
	}
	defer s.mu.Unlock()
	return s.look(), s.revision + 1
}

// Watch is Wait for the driver's loop: it returns at ctx's end, or as soon as an update waits or the phase is another one.
func (s *Session) Watch(ctx context.Context) figures.Figures {
	f, seen := s.Wait(ctx, 0)
	phase := f.Phase
	for ctx.Err() == nil && !f.UpdateWaiting && f.Phase == phase {
		s.mu.Lock()
		ending := s.closing != ""
		s.mu.Unlock()
		if ending {
			break
		}
		f, seen = s.Wait(ctx, seen)
	}
	return f
}

func (s *Session) look() figures.Figures {
	now := time.Now()
	f := figures.Figures{Phase: figures.PhaseIdle, Version: s.version, EpochsDone: []figures.Epoch{}, Workers: []figures.Worker{}}
	f.RSSBytes, _ = life.RSS()
	reported := 0.0
	t := s.current()
	for _, w := range s.order {
		speed := w.rate.perSecond(now)
		if w.left {
			speed = 0
		}
		if t != nil && w.report.TrainingID == t.id {
			reported += speed
		}
		f.Workers = append(f.Workers, figures.Worker{WorkerID: w.id, Host: w.about.Host, PID: w.about.PID, Kernel: w.about.Kernel,
			Threads: w.report.Threads, Words: w.words, WordsPerSecond: speed, Pushes: w.pushes, Staleness: w.staleness.value,
			RSSBytes: w.report.RSSBytes, ReplicaBytes: w.report.ReplicaBytes, SpoolBytes: w.report.SpoolBytes,
			PulledBytes: w.pulled, PushedBytes: w.pushed, State: s.state(t, w)})
	}
	if t == nil {
		return f
	}
	f.Phase, f.TrainingID, f.Kind, f.Epochs = t.phase(), t.id, t.kind, t.epochs
	f.Epoch = min(t.ledger.EpochsDone(), t.epochs-1)
	f.Words, f.Alpha, f.Loss = t.ledger.Words(), t.alpha, t.loss.mean()
	f.Pushes, f.Updates, f.Moved, f.Refused = t.pushes, t.updates, t.moved, t.refused
	f.Partitions = int(t.partitions)
	f.PartitionsDone = t.ledger.PartitionsDone()
	if t.failed {
		f.Error = t.reason
	}
	if t.words != nil {
		s.lookAtWords(t, &f)
	}
	if t.model != nil {
		_, f.UpdateWaiting = t.model.queue.Head()
	}
	if f.Phase == figures.PhaseTraining {
		f.WordsPerSecond = max(reported, t.rate.perSecond(now))
		if f.WordsPerSecond > 0 && f.TotalWords > f.Words {
			f.ETASeconds = float64(f.TotalWords-f.Words) / f.WordsPerSecond
		}
	}
	begun := t.started
	for e := range t.epochsEnded {
		l := t.epochLog[e]
		seconds := l.ended.Sub(begun).Seconds()
		f.EpochsDone = append(f.EpochsDone, figures.Epoch{Epoch: e, Words: l.words, Seconds: seconds, WordsPerSecond: ratio(float64(l.words), seconds),
			Alpha: l.alpha, Loss: ratio(l.loss, float64(l.pairs)), LossPairs: l.pairs, Pushes: l.pushes})
		begun = l.ended
	}
	return f
}

func (s *Session) lookAtWords(t *training, f *figures.Figures) {
	total, in := t.words.merge.Totals()
	f.Rows, f.Records, f.IngestedWords = total.Rows, total.Records, total.Words
	f.Passes, f.OwnPasses = t.words.passes, t.words.ownPasses
	if t.words.settled == nil {
		f.PartitionsDone = in
		return
	}
	f.TotalWords = t.words.settled.Words * uint64(t.epochs)
	f.VocabularySize = t.words.settled.Size()
}

// state is the worker's, as proto/README.md names them.
func (s *Session) state(t *training, w *worker) string {
	switch {
	case w.left:
		return "left"
	case t != nil && !t.closed && t.words != nil && t.words.book.InFlight(w.id) > 0:
		return "training"
	case t != nil && !t.closed && w.claimed == t.id:
		return "claiming"
	case t != nil && !t.closed && t.model != nil && t.model.outstanding[w.id] > 0:
		return "training"
	}
	return "joined"
}

// Words lists the vocabulary of a training, in id order.
func (s *Session) Words(trainingID uint32) ([]vocabulary.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.training(trainingID)
	if err != nil {
		return nil, err
	}
	if t.words == nil || t.words.settled == nil {
		return nil, faultf(ErrBadInput, "training %d has no settled vocabulary", trainingID)
	}
	return t.words.settled.Entries, nil
}

func bytesOf(x []float32) []byte { return bundle.Bytes(x) }
