// Package cursor is the ledger that makes every record count exactly once, whatever fails.
//
// For each (epoch, partition) it knows how many records are in the model, how many words they had, and a hash of them. A push
// names for each of its partitions the range [from, to) that its deltas come from. The rule:
//
//  1. Admit: every cursor of the push must stand exactly at `from`, with the hash that the push names for the records before.
//     If one does not, nothing of the push is applied, and the worker is told where those cursors stand.
//  2. Apply the deltas.
//  3. Move: every cursor goes to `to`.
//
// The three steps are one critical section of the caller. What follows: a push that arrives twice finds its cursors at `to`; one
// that was overtaken, or whose worker has been replaced, finds them elsewhere; a worker that takes over resumes at the cursor. No
// clock and no list of past pushes is needed. A partition that has ended (Last) admits nothing more.
//
// An empty range with deltas (a gradient that yields before it reads a record) leaves its cursor where it was, so the range alone
// can't tell a repetition: the ledger remembers the id of the last push of each cursor.
package cursor

import (
	"fmt"
	"sort"
)

// Place names one pass over one partition.
type Place struct{ Epoch, Partition uint32 }

// State is where a cursor stands.
type State struct {
	Records uint64 // in the model
	Words   uint64 // in those records
	Hash    uint64 // of those records
	Last    bool   // they are all of the partition
	PushID  string // of the push that moved it here
}

// Move is what a push asks of one cursor.
type Move struct {
	Place
	From, To   uint64
	Words      uint64 // in [From, To)
	PrefixHash uint64 // of [0, From)
	Hash       uint64 // of [0, To)
	Last       bool   // To is the end of the partition
}

// At is a cursor and where it stands.
type At struct {
	Place
	State
}

// Ledger holds the cursors of one training. It has no lock: its owner's critical section is the point.
type Ledger struct {
	epochs, partitions uint32
	cursors            map[Place]State
	words              uint64
	done               []int             // by epoch: partitions that have ended
	epochsDone         uint32            // from the first one on: each push asks, and there may be thousands
	ended              map[uint32]uint32 // by partition: epochs that have ended
	complete           int               // partitions that have ended in all epochs
}

// New makes a ledger with all cursors at 0.
func New(epochs, partitions uint32) *Ledger {
	return &Ledger{epochs: epochs, partitions: partitions, cursors: map[Place]State{}, done: make([]int, epochs), ended: map[uint32]uint32{}}
}

// Check refuses moves that no correct worker sends: they are not late, they are wrong.
func (l *Ledger) Check(moves []Move) error {
	if len(moves) == 0 {
		return fmt.Errorf("a push without a cursor")
	}
	seen := make(map[Place]bool, len(moves))
	for _, m := range moves {
		switch {
		case m.Epoch >= l.epochs || m.Partition >= l.partitions:
			return fmt.Errorf("cursor of epoch %d, partition %d: the training has %d and %d", m.Epoch, m.Partition, l.epochs, l.partitions)
		case m.To < m.From:
			return fmt.Errorf("cursor of epoch %d, partition %d goes back from %d to %d", m.Epoch, m.Partition, m.From, m.To)
		case seen[m.Place]:
			return fmt.Errorf("two cursors of epoch %d, partition %d in one push", m.Epoch, m.Partition)
		}
		seen[m.Place] = true
	}
	return nil
}

// Admit lists the cursors that do not stand where the push needs them; none: it may be applied and moved.
func (l *Ledger) Admit(pushID string, moves []Move) (moved []At) {
	for _, m := range moves {
		s := l.cursors[m.Place]
		// Before the first record there is nothing to hash, so any hash of nothing agrees.
		prefix := m.From == 0 || s.Hash == m.PrefixHash
		if s.Records != m.From || !prefix || s.Last || (m.From == m.To && pushID != "" && s.PushID == pushID) {
			moved = append(moved, At{m.Place, s})
		}
	}
	return moved
}

// Repeated tells whether this very push has been applied already and nothing has moved its cursors since: its answer was lost.
func (l *Ledger) Repeated(pushID string, moves []Move) bool {
	for _, m := range moves {
		if s := l.cursors[m.Place]; s.PushID != pushID || s.Records != m.To {
			return false
		}
	}
	return pushID != ""
}

// Move puts the cursors of an admitted push to where it ends.
func (l *Ledger) Move(pushID string, moves []Move) {
	for _, m := range moves {
		s := l.cursors[m.Place]
		l.cursors[m.Place] = State{Records: m.To, Words: s.Words + m.Words, Hash: m.Hash, Last: m.Last, PushID: pushID}
		l.words += m.Words
		if m.Last {
			l.done[m.Epoch]++
			l.ended[m.Partition]++
			if l.PartitionDone(m.Partition) {
				l.complete++
			}
			for l.epochsDone < l.epochs && l.done[l.epochsDone] == int(l.partitions) {
				l.epochsDone++
			}
		}
	}
}

// At is where a cursor stands.
func (l *Ledger) At(p Place) State { return l.cursors[p] }

// Words is how many words are in the model, all epochs together.
func (l *Ledger) Words() uint64 { return l.words }

// EpochsDone is how many epochs, from the first one on, are over in every partition.
func (l *Ledger) EpochsDone() uint32 { return l.epochsDone }

// Done tells whether every partition of every epoch has ended.
func (l *Ledger) Done() bool { return l.EpochsDone() == l.epochs }

// PartitionDone tells whether a partition has ended in all epochs.
func (l *Ledger) PartitionDone(p uint32) bool { return l.ended[p] == l.epochs }

// PartitionsDone counts the partitions that have ended in all epochs.
func (l *Ledger) PartitionsDone() int { return l.complete }

// Incomplete lists the partitions that have not ended in all epochs.
func (l *Ledger) Incomplete() []uint32 {
	list := []uint32{}
	for p := range l.partitions {
		if !l.PartitionDone(p) {
			list = append(list, p)
		}
	}
	return list
}

// All lists the cursors that have moved, in order.
func (l *Ledger) All() []At {
	all := make([]At, 0, len(l.cursors))
	for p, s := range l.cursors {
		all = append(all, At{p, s})
	}
	sort.Slice(all, func(i, j int) bool {
		a, b := all[i].Place, all[j].Place
		return a.Epoch < b.Epoch || a.Epoch == b.Epoch && a.Partition < b.Partition
	})
	return all
}
