package worker

import (
	"time"

	"deepdist/internal/caches"
	"deepdist/internal/life"
	"deepdist/sidecar/word2vec"
)

// copies are the rows that a slice's threads train, and where each processor's are.
type copies struct {
	*word2vec.Copies
	processors caches.Map
}

// here are the rows for the calling thread, where it runs at this moment.
func (c copies) here() *word2vec.Copy { return c.Of(c.processors.Here()) }

// spreading is what a training keeps of it from slice to slice.
type spreading struct {
	alone      *word2vec.Copies // none but the rows
	several    *word2vec.Copies // for several caches
	told       bool             // that there is no room for them
	processors caches.Map
	measured   time.Time // the processors, for the last time
	took       time.Duration
}

// A slice is trained on copies if it has so many words, and so many for each word of the vocabulary: then it pays to measure, to make them equal and to add them up.
const (
	longSlice   = 500_000
	wordsPerRow = 16
)

// spread gives a slice's threads the rows that they train: where processors have several caches, copies, if the slice is long enough, all rows are held, and there is
// room.
func (t *training) spread(s *slice, threads int, rows *word2vec.Matrices) copies {
	var c copies
	if rows.Slot0 != nil { // what is held now is not all
		t.closeCopies()
	} else if threads > 1 && s.words >= max(longSlice, wordsPerRow*uint64(t.model.Words())) && t.model.MayHaveCopies() {
		c.processors = t.look()
		c.Copies = t.copiesFor(min(threads, c.processors.Count(), word2vec.MostCopies))
	}
	if c.Copies == nil {
		if t.alone == nil {
			t.alone = t.model.NewCopies(1)
		}
		c.Copies = t.alone
	}
	c.Begin(rows)
	return c
}

// look finds out which processors have a cache in common, again and again, since a virtual machine moves them about, but not so often that it takes more than a hundredth of
// the time.
func (t *training) look() caches.Map {
	if began := time.Now(); began.Sub(t.measured) > 100*t.took {
		t.processors = caches.Find()
		t.measured = time.Now()
		t.took = t.measured.Sub(began)
	}
	return t.processors
}

// copiesFor makes so many copies, or finds those of the last slice; nil if none are wanted, or there is no room.
func (t *training) copiesFor(count int) *word2vec.Copies {
	if t.several != nil && t.several.Count() == count {
		return t.several
	}
	t.closeCopies()
	if count < 2 {
		return nil
	}
	bytes := t.model.CopyBytes(count)
	if available, err := life.AvailableMemory(); err == nil && bytes > available/2 {
		if !t.told {
			t.told = true
			t.worker.log.Info("processors have several caches, but there is no room for a copy of the rows for each: threads share them, which is slower", "caches", count, "bytes", bytes, "available", available)
		}
		return nil
	}
	t.worker.log.Info("processors have several caches: threads train a copy of the rows for each", "caches", count, "bytes", bytes)
	t.several = t.model.NewCopies(count)
	return t.several
}

func (t *training) closeCopies() {
	if t.several != nil {
		t.several.Close()
		t.several = nil
	}
}

func (t *training) copyBytes() uint64 {
	if t.several == nil {
		return 0
	}
	return t.several.Bytes()
}
