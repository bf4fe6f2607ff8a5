package worker

import (
	"deepdist/internal/caches"
	"deepdist/internal/life"
	"deepdist/sidecar/word2vec"
)

// copies are the rows for each cache that the processors have, and where each processor's is.
type copies struct {
	*word2vec.Copies
	processors caches.Map
}

// here are the rows for the calling thread, where it runs at this moment.
func (c copies) here() *word2vec.Copy { return c.Of(c.processors.Here()) }

// wordsPerRow is how many words a slice has at least for each word of the vocabulary, to be trained on copies: it pays for making them equal and adding them up.
const wordsPerRow = 16

// spread gives a slice's threads the rows that they train: where processors have several caches, copies, if the slice is long enough, all rows are held, and there is
// room. Whether processors have a cache in common is asked anew for each slice, since a virtual machine moves them about.
func (t *training) spread(s *slice, threads int, rows *word2vec.Matrices) copies {
	c := copies{Copies: t.alone}
	if c.Copies == nil {
		t.alone = t.model.NewCopies(1)
		c.Copies = t.alone
	}
	if threads > 1 && rows.Slot0 == nil && s.words >= wordsPerRow*uint64(t.model.Words()) {
		c.processors = caches.Find()
		if wanted := t.copiesFor(min(threads, c.processors.Count())); wanted != nil {
			c.Copies = wanted
		}
	}
	c.Begin(rows)
	return c
}

// copiesFor makes copies for so many caches, or finds those of the last slice; nil if none are wanted, or there is no room.
func (t *training) copiesFor(count int) *word2vec.Copies {
	if t.several != nil && t.several.Count() == count {
		return t.several
	}
	t.closeCopies()
	made := t.model.NewCopies(count)
	if made.Count() == 1 {
		return nil
	}
	bytes := t.model.CopyBytes(count)
	if available, err := life.AvailableMemory(); err == nil && bytes > available/2 {
		if !t.toldRoom {
			t.toldRoom = true
			t.worker.log.Info("processors have several caches, but there is no room for a copy of the rows for each: threads share them, which is slower", "caches", count, "bytes", bytes, "available", available)
		}
		return nil
	}
	t.worker.log.Info("processors have several caches: threads train a copy of the rows for each", "caches", count, "bytes", bytes)
	t.several = made
	return made
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
