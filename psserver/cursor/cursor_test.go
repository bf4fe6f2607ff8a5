package cursor

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The oracle is as dumb as can be: for every record it counts how often its effect went into the model. What must hold after any
// interleaving of pushes, repetitions, twins, late comers and reordered data: a record counts once if it is before its cursor, else not at all.

const (
	epochs, partitions = 2, 3
	records            = 12
)

// admission is the rule under test: the real one, or one with a part broken on purpose.
type admission func(l *Ledger, pushID string, moves []Move) bool

func real(l *Ledger, pushID string, moves []Move) bool { return len(l.Admit(pushID, moves)) == 0 }

// data is a partition in one of two orders: 0 is the usual, 1 what a shuffle would bring on a retry.
func prefixHash(p Place, order int, n uint64) uint64 {
	h := uint64(0)
	for i := range n {
		r := i
		if order == 1 {
			r = records - 1 - i
		}
		h = (h ^ (r + 1 + uint64(p.Partition)<<8)) * 0x9e3779b97f4a7c15
	}
	return h
}

// story plays a run: draw(n) chooses among n.
func story(draw func(n int) int, admit admission) error {
	l := New(epochs, partitions)
	applied := map[Place]map[uint64]int{}
	empties := map[string]int{} // by push id: how often an empty range with deltas was applied
	type push struct {
		id    string
		moves []Move
		order int
	}
	var sent []push
	for step := range 40 {
		if draw(3) == 0 || len(sent) == 0 { // some worker plans a push from what it believes: the truth, or something stale
			p := push{id: fmt.Sprint(step), order: draw(8) / 7}
			for range 1 + draw(2) {
				place := Place{uint32(draw(epochs)), uint32(draw(partitions))}
				if len(p.moves) > 0 && p.moves[0].Place == place {
					continue
				}
				from := l.At(place).Records
				if draw(4) == 0 {
					from = uint64(draw(int(from) + 1))
				}
				to := from + uint64(draw(int(records-from)+1))
				p.moves = append(p.moves, Move{Place: place, From: from, To: to, Words: to - from, Last: to == records,
					PrefixHash: prefixHash(place, p.order, from), Hash: prefixHash(place, p.order, to)})
			}
			sent = append(sent, p)
		}
		p := sent[draw(len(sent))] // any push that was ever sent arrives: now, late, or again
		if err := l.Check(p.moves); err != nil {
			return err
		}
		if !admit(l, p.id, p.moves) {
			continue
		}
		empty := true
		for _, m := range p.moves {
			if applied[m.Place] == nil {
				applied[m.Place] = map[uint64]int{}
			}
			for i := m.From; i < m.To; i++ {
				r := i
				if p.order == 1 {
					r = records - 1 - i
				}
				applied[m.Place][r]++
				empty = false
			}
		}
		if empty {
			empties[p.id]++
			if len(p.moves) == 1 && empties[p.id] > 1 && l.At(p.moves[0].Place).PushID == p.id {
				return fmt.Errorf("push %s of an empty range was applied twice in a row", p.id)
			}
		}
		l.Move(p.id, p.moves)

		words := uint64(0)
		for e := range uint32(epochs) {
			for q := range uint32(partitions) {
				place := Place{e, q}
				s := l.At(place)
				words += s.Words
				if uint64(len(applied[place])) != s.Records || s.Words != s.Records {
					return fmt.Errorf("%v: cursor at %d (%d words), %d records in the model", place, s.Records, s.Words, len(applied[place]))
				}
				for r, n := range applied[place] {
					if n != 1 {
						return fmt.Errorf("%v: record %d counts %d times", place, r, n)
					}
				}
				if s.Last != (s.Records == records) && s.Records > 0 {
					return fmt.Errorf("%v: at %d of %d, last %v", place, s.Records, records, s.Last)
				}
			}
		}
		if words != l.Words() {
			return fmt.Errorf("%d words, the cursors say %d", l.Words(), words)
		}
	}
	return nil
}

func TestEveryRecordCountsExactlyOnceWhateverArrives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if err := story(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }, real); err != nil {
			t.Fatal(err)
		}
	})
}

// A test that can't fail proves nothing: with any part of the rule taken away, the same stories must find a record that counts twice.
func TestTheStoriesCatchABrokenRule(t *testing.T) {
	mutants := map[string]admission{
		"without comparing from": func(*Ledger, string, []Move) bool { return true },
		"comparing from only with <=": func(l *Ledger, _ string, m []Move) bool {
			return each(m, func(m Move) bool { return m.From <= l.At(m.Place).Records })
		},
		"looking at the first cursor only": func(l *Ledger, id string, m []Move) bool { return real(l, id, m[:1]) },
		"without the prefix hash": func(l *Ledger, _ string, m []Move) bool {
			return each(m, func(m Move) bool { s := l.At(m.Place); return m.From == s.Records && !s.Last })
		},
		"without the push id": func(l *Ledger, _ string, m []Move) bool { return real(l, "", m) },
	}
	for name, admit := range mutants {
		caught := false
		for seed := uint64(0); seed < 5000 && !caught; seed++ {
			r := rand.New(rand.NewPCG(seed, 1))
			caught = story(r.IntN, admit) != nil
		}
		if !caught {
			t.Errorf("the rule %s passes", name)
		}
	}
	for seed := range uint64(2000) {
		r := rand.New(rand.NewPCG(seed, 1))
		if err := story(r.IntN, real); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func each(moves []Move, ok func(Move) bool) bool {
	for _, m := range moves {
		if !ok(m) {
			return false
		}
	}
	return true
}

func TestMovesThatNoCorrectWorkerSendsAreRefused(t *testing.T) {
	l := New(1, 2)
	for name, moves := range map[string][]Move{
		"none":              {},
		"unknown epoch":     {{Place: Place{1, 0}, To: 1}},
		"unknown partition": {{Place: Place{0, 2}, To: 1}},
		"backwards":         {{Place: Place{0, 0}, From: 2, To: 1}},
		"twice":             {{Place: Place{0, 1}, To: 1}, {Place: Place{0, 1}, To: 2}},
	} {
		if l.Check(moves) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestALostAnswerIsRepeated(t *testing.T) {
	l := New(1, 1)
	moves := []Move{{To: 5, Hash: 7}}
	l.Move("a", moves)
	if !l.Repeated("a", moves) {
		t.Error("the same push is not recognised")
	}
	if l.Repeated("b", moves) || l.Repeated("", moves) {
		t.Error("another push is taken for it")
	}
	l.Move("c", []Move{{From: 5, To: 6, PrefixHash: 7, Last: true}})
	if l.Repeated("a", moves) {
		t.Error("a push that was overtaken is taken for the last one")
	}
	if !l.Done() || l.EpochsDone() != 1 || len(l.Incomplete()) != 0 {
		t.Error("the only partition has ended, the training has not")
	}
}
