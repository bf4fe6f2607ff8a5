package claim

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"deepdist/psserver/cursor"
)

func book(epochs, partitions uint32) (*Book, *cursor.Ledger) {
	l := cursor.New(epochs, partitions)
	return New(l, epochs, partitions), l
}

func end(l *cursor.Ledger, e, p uint32) {
	at := l.At(cursor.Place{Epoch: e, Partition: p})
	l.Move("", []cursor.Move{{Place: cursor.Place{Epoch: e, Partition: p}, From: at.Records, To: at.Records + 1, Last: true}})
}

func TestWorkIsTakenFromTheOwnSpoolEpochByEpoch(t *testing.T) {
	b, _ := book(2, 4)
	for p := range uint32(4) {
		b.Own([]string{"a", "b"}[p%2], p)
	}
	got := ""
	for _, c := range b.Take("a", 3) {
		got += fmt.Sprintf("%d/%d ", c.Epoch, c.Partition)
	}
	if got != "0/0 0/2 1/0 " {
		t.Errorf("took %s", got)
	}
	if b.Exhausted("a") {
		t.Error("1/2 is left")
	}
	if more := b.Take("a", 9); len(more) != 1 || !b.Exhausted("a") {
		t.Errorf("then took %v", more)
	}
	if b.Exhausted("b") || !b.Exhausted("c") {
		t.Error("b has all before it, c has nothing to do with it")
	}
}

func TestALoneWorkersSlicesAreEqualPartsOfAnEpoch(t *testing.T) {
	for text, largest := range map[struct {
		vocabulary int
		epochWords uint64
	}]uint64{
		{10, 1e9}:            1_010_000,  // less would not pay
		{10_000, 1e9}:        2_567_545,  // 256 words a row: 391 slices
		{1_000_000, 1e9}:     20_010_000, // memory
		{71_291, 17_000_000}: 17_010_000, // an epoch
		{71_291, 30_000_000}: 15_010_000, // two an epoch
		{71_291, 100_000}:    110_000,    // an epoch
	} {
		for others, want := range map[string]uint64{"a": largest, "b": min(2_000_000, largest)} {
			b, _ := book(1, 2)
			b.SetText(text.vocabulary, text.epochWords)
			b.Own("a", 0)
			b.Own(others, 1)
			for range 14 {
				if got := b.Grant("a"); got != want {
					t.Fatalf("%+v, the other text is %s's: granted %d, not %d", text, others, got, want)
				}
				b.Pushed("a")
				want = largest
			}
		}
	}
}

func TestNobodyStartsWhileALargerSliceIsOut(t *testing.T) {
	b, l := book(1, 3)
	b.SetText(100, 1e9)
	for p, id := range []string{"a", "b", "c"} {
		b.Own(id, uint32(p))
	}
	if b.Grant("a") != 1_010_000 {
		t.Fatal("a is alone")
	}
	if b.Grant("b") != 0 {
		t.Error("b may start although a million words are out")
	}
	b.Pushed("a")
	if b.Grant("b") != 4000 || b.Grant("a") != 4000 {
		t.Error("two share 8000")
	}
	if b.Grant("c") != 0 {
		t.Error("c may start although slices of 4000 are out, and its own are of 2666")
	}
	b.Leave("a")
	b.Pushed("b")
	if b.Grant("c") != 4000 {
		t.Error("with a gone, two are left")
	}
	end(l, 0, 2)
	if b.Grant("c") != 0 || b.Trains("c") {
		t.Error("c has nothing left to train")
	}
	if b.Grant("b") != 8000 {
		t.Error("alone again, b begins small")
	}
	end(l, 0, 0)
	if b.Grant("b") != 1_010_000 {
		t.Error("nobody else has anything left")
	}
}

func TestSoleIsWhoHasAllThatIsLeft(t *testing.T) {
	b, l := book(1, 3)
	want := func(want, when string) {
		t.Helper()
		if got := b.Sole(); got != want {
			t.Errorf("%s: %q, not %q", when, got, want)
		}
	}
	b.Own("a", 0)
	b.Own("a", 1)
	want("", "a partition is missing")
	b.Own("b", 2)
	want("", "two have text")
	end(l, 0, 2)
	want("a", "b has ended")
	b.Reopen(1)
	want("", "a partition is to be ingested again")
	end(l, 0, 1)
	end(l, 0, 0)
	want("", "nothing is left")
}

func TestWhatALeaverHeldIsMissingUntilAnotherOwnsIt(t *testing.T) {
	b, l := book(2, 2)
	b.Own("a", 0)
	b.Own("b", 1)
	b.Take("a", 9)
	end(l, 0, 0)
	b.Leave("a")
	if m := b.Missing(); len(m) != 1 || m[0] != 0 {
		t.Fatalf("missing %v", m)
	}
	b.Reopen(0)
	b.Own("b", 0)
	c := b.Take("b", 9)
	if len(c) != 3 || c[1].Epoch != 1 || c[1].Partition != 0 {
		t.Errorf("b took %v: epoch 0 of partition 0 is in already", c)
	}
	if len(b.Missing()) != 0 {
		t.Errorf("missing %v", b.Missing())
	}
}

// Whatever happens, two workers never hold the same pair, and together they have no more than 8000 words in flight, unless one is
// alone; then nobody else has any.
func TestFlightsStayWithinTheirBoundWhateverHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		b, l := book(2, 6)
		b.SetText(1000, 1e9)
		ids := []string{"a", "b", "c", "d"}
		for p := range uint32(6) {
			b.Own(ids[r.IntN(len(ids))], p)
		}
		for range 200 {
			id := ids[r.IntN(len(ids))]
			switch r.IntN(8) {
			case 0, 1, 2, 3:
				b.Take(id, uint32(r.IntN(3)))
				b.Grant(id)
			case 4, 5:
				b.Pushed(id)
			case 6:
				p, e := uint32(r.IntN(6)), uint32(r.IntN(2))
				if place := (cursor.Place{Epoch: e, Partition: p}); !l.At(place).Last && r.IntN(4) == 0 {
					end(l, e, p)
				}
			case 7:
				if r.IntN(4) == 0 {
					b.Leave(id)
				}
				for _, p := range b.Missing() {
					b.Own(ids[r.IntN(len(ids))], p)
				}
			}
			total, flights := uint64(0), 0
			seen := map[cursor.Place]string{}
			for _, id := range ids {
				if n := b.InFlight(id); n > 0 {
					total += n
					flights++
				}
				if w := b.workers[id]; w != nil {
					for p := range w.held {
						if other, twice := seen[p]; twice && b.owner[p.Partition] == id {
							t.Fatalf("%s and %s hold %v", id, other, p)
						}
						seen[p] = id
					}
				}
			}
			if flights > 1 && total > Flight {
				t.Fatalf("%d words in %d flights", total, flights)
			}
		}
	})
}
