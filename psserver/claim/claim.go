// Package claim says who trains what, and how much at once.
//
// # Who trains what
//
// The text of a partition lies in the spool of the worker that committed it, and nowhere else: nothing dials a sidecar. So a
// worker claims (epoch, partition) pairs of its own spool, epoch by epoch and in order of partitions within an epoch. A pair is
// held by one worker at a time. When a worker leaves, what it held is free and its spool is gone: those partitions are Missing
// until they have been ingested again, by whomever; the cursors stay, and the new owner resumes at them.
//
// # How much at once
//
// Deltas that are computed on the same rows at the same time are summed, and too many words in flight make the sum overshoot.
// With N ≥ 2 workers that train, each gets leave for slices of 8000/N words, so that all together have at most 8,000 in flight.
// One worker alone has nothing to collide with: its slices are as long as pays, which is an equal part of an epoch and often all of it. Where others have text, too,
// and may be about to come, its first one is two million words. When a second worker comes, it must not start while a slice of a million words is out; so
// nobody gets leave while another one has a larger slice in flight than he would get, or while the sum would pass 8,000: it waits for an epoch at most.
//
// A slice in flight ends by its push, by its worker asking for the next one, or by its worker leaving.
//
// Nothing here reads a clock: with one worker, claims and grants follow from the order of its calls alone, which is what makes a
// run on one thread repeatable to the bit.
package claim

import "deepdist/psserver/cursor"

const (
	// Flight is how many words may be in flight when several workers train.
	Flight = 8000
	// MaxSlice is the largest slice ever granted: its rows are one worker's memory, its words one loss of work.
	MaxSlice = 20_000_000
	// first is the first slice of a worker that is alone so far where others have text, too. A push costs as much as the training of a million words, so it is no shorter.
	first = 2_000_000
	// growth of its slices once it is alone again, from Flight.
	growth = 256
	// minLargest is what the slices of a lone worker are, or grow to, at least.
	minLargest = 1_000_000
	// wordsPerRow: a slice pays when each row that it pulls and pushes is used about so often. A row of 100 numbers costs about as
	// much to push and add as ten words to train.
	wordsPerRow = 256
	// maxRecord is the words of the longest record: a slice ends before it would have too many, so up to a record short of its leave.
	maxRecord = 10_000
)

// Worker is what the book knows of one.
type worker struct {
	inFlight uint64 // words of the slice that it was granted; 0: none
	held     map[cursor.Place]bool
}

// Book is the claims of one training. It has no lock: its owner has one.
type Book struct {
	ledger             *cursor.Ledger
	epochs, partitions uint32
	largest            uint64             // slice of a lone worker
	owner              map[uint32]string  // partition → worker with its spool
	workers            map[string]*worker // that have claimed, and have not left
	next               uint64             // the next slice of a lone worker
}

// New makes an empty book over the cursors of a training. The ledger stays the caller's, under the same lock.
func New(ledger *cursor.Ledger, epochs, partitions uint32) *Book {
	return &Book{ledger: ledger, epochs: epochs, partitions: partitions, largest: minLargest,
		owner: map[uint32]string{}, workers: map[string]*worker{}, next: first}
}

// SetText tells how many rows there are and how many words an epoch has, which decide how large a slice pays.
func (b *Book) SetText(vocabulary int, epochWords uint64) {
	pays := min(MaxSlice, max(minLargest, wordsPerRow*uint64(vocabulary)))
	parts := max(1, (epochWords+pays-1)/pays)
	b.largest = (epochWords+parts-1)/parts + maxRecord
}

// Own notes that a worker has the spool of a partition.
func (b *Book) Own(id string, partition uint32) { b.owner[partition] = id }

// Owner is the worker that has the spool of a partition, or "".
func (b *Book) Owner(partition uint32) string { return b.owner[partition] }

// Reopen forgets who has the spool of a partition and who holds it.
func (b *Book) Reopen(partition uint32) {
	delete(b.owner, partition)
	for _, w := range b.workers {
		for p := range w.held {
			if p.Partition == partition {
				delete(w.held, p)
			}
		}
	}
}

// Missing lists the partitions that nobody has a spool of although they have not ended.
func (b *Book) Missing() []uint32 {
	list := []uint32{}
	for p := range b.partitions {
		if b.owner[p] == "" && !b.ledger.PartitionDone(p) {
			list = append(list, p)
		}
	}
	return list
}

// Leave frees all that a worker held, and loses its spool.
func (b *Book) Leave(id string) {
	delete(b.workers, id)
	for p, owner := range b.owner {
		if owner == id {
			delete(b.owner, p)
		}
	}
}

// Take gives a worker up to want pairs that it does not hold yet. Several epochs of one partition may be held together: their
// reader goes through them in order.
func (b *Book) Take(id string, want uint32) []cursor.At {
	w := b.worker(id)
	var taken []cursor.At
	for e := b.ledger.EpochsDone(); e < b.epochs; e++ {
		for p := range b.partitions {
			if uint32(len(taken)) >= want {
				return taken
			}
			place := cursor.Place{Epoch: e, Partition: p}
			if b.owner[p] != id || w.held[place] || b.ledger.At(place).Last {
				continue
			}
			w.held[place] = true
			taken = append(taken, cursor.At{Place: place, State: b.ledger.At(place)})
		}
	}
	return taken
}

// Exhausted tells whether a worker holds all that it can ever hold, or has nothing left to do.
func (b *Book) Exhausted(id string) bool {
	w := b.worker(id)
	return !b.some(id, func(place cursor.Place) bool { return !w.held[place] })
}

// Trains tells whether a worker takes part in the training now: it has claimed, and something of its spool has not ended.
func (b *Book) Trains(id string) bool {
	return b.workers[id] != nil && b.some(id, func(cursor.Place) bool { return true })
}

// some looks for a pair of the worker's spool that has not ended and fulfils a condition.
func (b *Book) some(id string, condition func(cursor.Place) bool) bool {
	for p, owner := range b.owner {
		if owner != id || b.ledger.PartitionDone(p) {
			continue
		}
		for e := b.ledger.EpochsDone(); e < b.epochs; e++ {
			place := cursor.Place{Epoch: e, Partition: p}
			if !b.ledger.At(place).Last && condition(place) {
				return true
			}
		}
	}
	return false
}

// Sole is the worker that has all text there is left to train: no other can train before a partition has been reopened. Where there is none it is "".
func (b *Book) Sole() string {
	sole := ""
	for p := range b.partitions {
		if b.ledger.PartitionDone(p) {
			continue
		}
		owner := b.owner[p]
		if owner == "" || (sole != "" && owner != sole) {
			return ""
		}
		sole = owner
	}
	return sole
}

// Training counts the workers that take part now.
func (b *Book) Training() int {
	n := 0
	for id := range b.workers {
		if b.Trains(id) {
			n++
		}
	}
	return n
}

// Grant gives a worker leave for a slice, or 0 if it must wait. Asking for the next slice ends the last one.
func (b *Book) Grant(id string) uint64 {
	w := b.worker(id)
	w.inFlight = 0
	if !b.Trains(id) {
		return 0
	}
	words, n := min(b.largest, b.next), b.Training()
	switch {
	case n > 1:
		words = max(1, Flight/uint64(n))
	case b.Sole() == id:
		words = b.largest
	}
	others := uint64(0)
	for other, o := range b.workers {
		if other != id && o.inFlight > words {
			return 0
		}
		others += o.inFlight // this worker has none
	}
	if others > 0 && others+words > Flight {
		return 0 // workers have come or gone: slices of the old lengths are still out
	}
	if n > 1 {
		b.next = Flight
	} else {
		b.next = growth * words
	}
	w.inFlight = words
	return words
}

// Pushed ends the slice that a worker has in flight.
func (b *Book) Pushed(id string) {
	if w := b.workers[id]; w != nil {
		w.inFlight = 0
	}
}

// InFlight is how many words a worker has in flight.
func (b *Book) InFlight(id string) uint64 {
	if w := b.workers[id]; w != nil {
		return w.inFlight
	}
	return 0
}

func (b *Book) worker(id string) *worker {
	w := b.workers[id]
	if w == nil {
		w = &worker{held: map[cursor.Place]bool{}}
		b.workers[id] = w
	}
	return w
}
