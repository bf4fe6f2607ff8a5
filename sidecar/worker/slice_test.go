package worker

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deepdist/internal/caches"
	"deepdist/internal/frame"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/spool"
	"deepdist/sidecar/word2vec"
)

// spooled is partitions on disk, all of whose words are in the vocabulary.
func spooled(t testing.TB, partitions ...[]string) openSpool {
	t.Helper()
	root, err := spool.NewRoot(t.TempDir(), spool.NewBudget(0))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	ids := map[string]uint32{}
	var committed []*spool.Partition
	for n, lines := range partitions {
		w, err := root.Create(1, uint32(n), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if err := w.Line([]byte(line)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.Seal(); err != nil {
			t.Fatal(err)
		}
		p, err := w.Commit()
		if err != nil {
			t.Fatal(err)
		}
		committed = append(committed, p)
	}
	return func(_ context.Context, partition uint32) (*spool.Reader, error) {
		table, err := committed[partition].Table(func(word []byte) (uint32, bool) {
			id, known := ids[string(word)]
			if !known {
				id = uint32(len(ids))
				ids[string(word)] = id
			}
			return id, true
		})
		if err != nil {
			return nil, err
		}
		return spool.NewReader(committed[partition], table)
	}
}

func newSource(t testing.TB, open openSpool, claims ...*claim) *source {
	t.Helper()
	return newKeeping(t, open, 0, claims...)
}

func newKeeping(t testing.TB, open openSpool, room int, claims ...*claim) *source {
	t.Helper()
	s := &source{feed: newFeed(context.Background(), open, room)}
	t.Cleanup(s.feed.stop)
	for _, c := range claims {
		s.feed.add(c)
		s.open++
	}
	return s
}

// However the partitions and the slices' lengths are, slices cover every record once, in order, within their words, and their cursors
// form a chain from 0 to the end of each partition.
func TestSlicesCoverEveryRecordOnceInOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var partitions [][]string
		lengths := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 50), 0, 40), 1, 5).Draw(rt, "lengths")
		total := uint64(0)
		for _, p := range lengths {
			var lines []string
			for i, n := range p {
				lines = append(lines, strings.Repeat(fmt.Sprintf("w%d ", i%7), n))
				total += uint64(n)
			}
			partitions = append(partitions, lines)
		}
		var claims []*claim
		for p := range partitions {
			claims = append(claims, &claim{partition: uint32(p)})
		}
		s := newSource(t, spooled(t, partitions...), claims...)
		at := make([]psclient.Cursor, len(partitions))
		words := uint64(0)
		for s.half != nil || s.open > 0 {
			limit := rapid.Uint64Range(1, 300).Draw(rt, "limit")
			slice, err := s.cut(context.Background(), limit)
			if err != nil {
				rt.Fatal(err)
			}
			records := 0
			for _, p := range slice.pieces {
				for i := p.from; i < p.to; i++ {
					rec := p.chunk.record(i)
					if n := lengths[rec.Partition][rec.Index]; len(rec.Tokens) != n {
						rt.Fatalf("record %d of partition %d has %d words, want %d", rec.Index, rec.Partition, len(rec.Tokens), n)
					}
					records++
				}
			}
			if slice.words > limit && records > 1 {
				rt.Fatalf("a slice of %d words in %d records; %d are allowed", slice.words, records, limit)
			}
			for _, c := range slice.cursors {
				if before := at[c.Partition]; c.From != before.To || c.PrefixHash != before.Hash || before.Last {
					rt.Fatalf("cursor %+v follows %+v", c, before)
				}
				at[c.Partition] = c
				records -= int(c.To - c.From)
			}
			if records != 0 {
				rt.Fatalf("the cursors move by %d records less than the slice has", records)
			}
			words += slice.words
			slice.giveBack(s)
		}
		for p, c := range at {
			if c.To != uint64(len(lengths[p])) || !c.Last {
				rt.Fatalf("partition %d of %d records ends at %+v", p, len(lengths[p]), c)
			}
		}
		if words != total {
			rt.Fatalf("%d words in slices, %d in partitions", words, total)
		}
	})
}

func TestAFeedGoesOnAtTheCursor(t *testing.T) {
	open := spooled(t, []string{"a b", "c", "d e f"})
	s := newSource(t, open, &claim{})
	first, err := s.cut(context.Background(), 3)
	if err != nil {
		t.Fatal(err)
	}
	c := first.cursors[0]
	again := newSource(t, open, &claim{at: psclient.Cursor{From: c.To, To: c.To, PrefixHash: c.Hash, Hash: c.Hash}})
	rest, err := again.cut(context.Background(), 100)
	if err != nil || len(rest.cursors) != 1 || rest.cursors[0].From != 2 || rest.cursors[0].PrefixHash != c.Hash || rest.words != 3 {
		t.Errorf("%+v, %v", rest, err)
	}
}

func TestOtherRecordsThanWereTrainedAreAnErrorWithItsFix(t *testing.T) {
	open := spooled(t, []string{"a b", "c", "d e f"})
	s := newSource(t, open, &claim{at: psclient.Cursor{From: 2, To: 2, Hash: 12345}})
	if _, err := s.cut(context.Background(), 100); frame.CodeOf(err) != frame.BadInput || !strings.Contains(err.Error(), "persist") {
		t.Errorf("got %v", err)
	}
}

func TestCuttingEndsWithItsContext(t *testing.T) {
	block := func(ctx context.Context, _ uint32) (*spool.Reader, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s := newSource(t, block, &claim{})
	ctx, cancel := context.WithCancelCause(context.Background())
	reason := frame.Errorf(frame.Lost, "psserver is gone")
	cancel(reason)
	if _, err := s.cut(ctx, 100); err != reason {
		t.Errorf("got %v, want the reason", err)
	}
}

func TestBlocksCoverASliceOnceInOrder(t *testing.T) {
	s := newSource(t, spooled(t, []string{"a b", "c", "d e f", "g"}, []string{"h i j k l m n", "o"}), &claim{}, &claim{partition: 1})
	slice, err := s.cut(context.Background(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	for threads := 1; threads < 20; threads++ {
		words, records := uint64(0), 0
		for _, b := range slice.blocks(threads) {
			if b.to <= b.from {
				t.Fatalf("block %+v after %d words", b, words)
			}
			if first := b.chunk.record(b.from); 4*first.Partition+uint32(first.Index) != uint32(records) {
				t.Fatalf("%d threads: record %d of partition %d after %d records", threads, first.Index, first.Partition, records)
			}
			words += b.words
			records += b.to - b.from
		}
		if words != slice.words || records != 6 {
			t.Errorf("%d threads: blocks of %d words and %d records, the slice has %d and 6", threads, words, records, slice.words)
		}
	}
}

func TestEachBlockHasTheRatesOfTheWordsBegunBeforeIt(t *testing.T) {
	whole := rates{alpha: 0.025, minAlpha: 0.0001, applied: 300, total: 1000}
	p := &pace{rates: whole}
	before := uint64(0)
	for _, words := range []uint64{100, 50, 1, 349} {
		r := p.begin(words)
		for _, within := range []uint64{0, words / 2, words} {
			if r.at(within) != whole.at(before+within) {
				t.Errorf("%d words into a block after %d words: %v, not %v", within, before, r.at(within), whole.at(before+within))
			}
		}
		before += words
	}
}

// longTraining is a training without a server, and a slice of so many words.
func longTraining(t *testing.T, words int) (*training, *slice, *word2vec.Matrices) {
	t.Helper()
	line := strings.Repeat("a b c d e f g h i j ", 100)
	s := newSource(t, spooled(t, slices.Repeat([]string{line}, words/1000)), &claim{})
	cut, err := s.cut(context.Background(), uint64(words))
	if err != nil {
		t.Fatal(err)
	}
	settings := word2vec.Settings{VectorSize: 100, Window: 5, Sg: true, Negative: 5, Alpha: 1, Epochs: 1}
	model, err := word2vec.New(settings, slices.Repeat([]uint64{1}, 10))
	if err != nil {
		t.Fatal(err)
	}
	rows := &word2vec.Matrices{Stride: word2vec.Stride(100)}
	for _, m := range settings.Matrices(10) {
		memory, free := word2vec.AllocRows(m.Rows, rows.Stride)
		t.Cleanup(free)
		rows.Put(m.Name, memory, nil)
	}
	worker := &Worker{log: slog.New(slog.DiscardHandler)}
	return &training{worker: worker, seats: newSeats(), ctx: context.Background(), loopState: loopState{model: model}}, cut, rows
}

func (t *training) seat() *Seat {
	s := &Seat{training: t, left: make(chan struct{}), done: make(chan struct{})}
	t.seats.add(s)
	return s
}

func TestASliceIsTrainedWholeByWhoeverIsSeated(t *testing.T) {
	for seats := range 4 {
		training, slice, rows := longTraining(t, 50_000)
		for range seats {
			training.seat()
		}
		stats, complete := training.trainSlice(slice, rows, rates{alpha: .025, total: 50_000})
		if want := uint64(50_000) * uint64(min(1, seats)); complete != (seats > 0) || stats.Words != want || training.words.Load() != want {
			t.Errorf("%d seats: complete %v, %d words, counted %d", seats, complete, stats.Words, training.words.Load())
		}
	}
}

func TestThreadsTrainACopyForEachCacheIfTheSliceIsLong(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one processor has one cache")
	}
	if err := caches.Use(2); err != nil {
		t.Fatal(err)
	}
	defer caches.Use(0)
	for _, c := range []struct{ words, seats, copies int }{{1_000_000, 2, 2}, {1_000_000, 1, 1}, {1000, 2, 1}, {1_000_000, 3, 2}} {
		training, slice, rows := longTraining(t, c.words)
		rows.Syn0[0] = 0.1
		for range c.seats {
			training.seat()
		}
		for range 2 { // the copies of the first slice serve the second
			stats, complete := training.trainSlice(slice, rows, rates{alpha: .025, total: 2_000_000})
			if !complete || stats.Words != uint64(c.words) {
				t.Errorf("%+v: complete %v, %d words", c, complete, stats.Words)
			}
		}
		if got := training.copyBytes(); (got > 0) != (c.copies > 1) || got > 0 && got != training.model.CopyBytes(c.copies) {
			t.Errorf("%+v: copies of %d bytes", c, got)
		}
		if slices.Min(rows.Syn1neg) == 0 { // more negatives than centers
			t.Errorf("%+v: nothing was learnt", c)
		}
		training.closeCopies()
	}
	training, slice, rows := longTraining(t, 1000)
	for words, want := range map[uint64]bool{longSlice: true, longSlice - 1: false} {
		slice.words = words
		if got := training.spread(slice, 2, rows).Count() == 2; got != want {
			t.Errorf("%d words: copies %v", words, got)
		}
	}
	slice.words = longSlice
	first := training.copiesFor(word2vec.MostCopies)
	if training.copiesFor(word2vec.MostCopies) != first {
		t.Error("copies are made anew for each slice")
	}
	part := &word2vec.Matrices{Stride: rows.Stride, Syn0: rows.Syn0, Syn1neg: rows.Syn1neg, Slot0: make([]int32, 10)}
	if training.spread(slice, 2, part).Count() != 1 || training.several != nil {
		t.Error("copies are kept where not all rows are held")
	}
}

func TestATaskThatComesDuringASliceGoesOnWhereTheOthersLeave(t *testing.T) {
	training, slice, rows := longTraining(t, 2_000_000)
	first := training.seat()
	go func() {
		for training.words.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		training.seat()
		first.Leave()
	}()
	stats, complete := training.trainSlice(slice, rows, rates{alpha: .025, total: 2_000_000})
	if !complete || stats.Words != 2_000_000 {
		t.Errorf("complete %v, %d words", complete, stats.Words)
	}
	if training.seats.count() != 1 {
		t.Error("the slice was over before the second came: the test tests nothing")
	}
}

func TestAllRowsAreHeldWhereASliceTouchesMost(t *testing.T) {
	for _, c := range []struct {
		words                   uint64
		rowsPerWord, vocabulary int
		want                    bool
	}{{17_000_000, 6, 71_000, true}, {4_000, 6, 71_000, false}, {1_000, 6, 3_000, true}, {999, 6, 3_000, false}, {0, 6, 10, false}} {
		if got := touchesMost(c.words, c.rowsPerWord, c.vocabulary); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestTheLearningRateFallsFromAlphaToMinAlpha(t *testing.T) {
	r := rates{alpha: 0.025, minAlpha: 0.0001, applied: 0, total: 1000}
	if r.at(0) != 0.025 || r.at(1000) < 0.0001 || r.at(1000) > 0.000101 || r.at(5000) != r.at(1000) {
		t.Errorf("%v at the start, %v at the end, %v beyond", r.at(0), r.at(1000), r.at(5000))
	}
	if middle := r.at(500); middle < 0.01254 || middle > 0.01256 {
		t.Errorf("%v in the middle", middle)
	}
	later := rates{alpha: 0.025, minAlpha: 0.0001, applied: 300, total: 1000}
	if later.at(200) != r.at(500) {
		t.Error("the rate depends on how words are cut into slices")
	}
}

func TestSlicesAreShortWhereMemoryIs(t *testing.T) {
	if limit, limited := sliceLimit(1000, sized(t, 1000, 100), 1<<30); limited || limit < 20_000_000 {
		t.Errorf("a small model: %d, %v", limit, limited)
	}
	limit, limited := sliceLimit(1_000_000, sized(t, 1_000_000, 300), 1<<30)
	if limit, limited := sliceLimit(1_000_000, sized(t, 1_000_000, 100), 2<<30); limited || limit > 1<<30/8 || limit < 10_000_000 {
		t.Errorf("1.8 GB of rows in 2 GB: slices of %d words, %v", limit, limited)
	}
	if rows := limit * 6; !limited || rows > 1_000_000/8 {
		t.Errorf("5 GB of rows in 1 GB: slices of %d words touch up to %d rows, %v", limit, rows, limited)
	}
}

// Whatever of a text is kept from epoch to epoch, each epoch has the same records in the same slices, with the same hashes; what is kept is read once.
func TestEpochsAreTheSameHoweverMuchIsKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		const epochs = 3
		var partitions [][]string
		var claims []*claim
		words := map[uint32]int{}
		for p, lengths := range rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(1, 50), 0, 40), 1, 5).Draw(rt, "lengths") {
			var lines []string
			for i, n := range lengths {
				lines = append(lines, strings.Repeat(fmt.Sprintf("w%d ", i%7), n))
				words[uint32(p)] += n
			}
			partitions = append(partitions, lines)
		}
		for e := range uint32(epochs) {
			for p := range partitions {
				claims = append(claims, &claim{epoch: e, partition: uint32(p)})
			}
		}
		opened, disk := map[uint32]int{}, spooled(t, partitions...)
		room := rapid.IntRange(0, 1500).Draw(rt, "room")
		s := newKeeping(t, func(ctx context.Context, p uint32) (*spool.Reader, error) {
			opened[p]++
			return disk(ctx, p)
		}, room, claims...)
		limit := rapid.Uint64Range(1, 300).Draw(rt, "limit")
		seen := make([]string, epochs)
		for s.half != nil || s.open > 0 {
			slice, err := s.cut(context.Background(), limit)
			if err != nil {
				rt.Fatal(err)
			}
			for _, p := range slice.pieces {
				for i := p.from; i < p.to; i++ {
					rec := p.chunk.record(i)
					seen[rec.Epoch] += fmt.Sprintln(rec.Partition, rec.Index, rec.Tokens, p.chunk.hash(i))
				}
			}
			slice.giveBack(s)
		}
		s.feed.stop()
		for e := range seen {
			if seen[e] != seen[0] {
				rt.Fatalf("epoch 0:\n%sepoch %d:\n%s", seen[0], e, seen[e])
			}
		}
		for p := range uint32(len(partitions)) {
			want := epochs
			if words[p] <= room {
				want = 1
				room -= words[p]
			}
			if opened[p] != want {
				rt.Fatalf("partition %d of %d words was read %d times, not %d", p, words[p], opened[p], want)
			}
		}
	})
}

func TestAFeedReadsAsFarAheadAsSlicesAreLong(t *testing.T) {
	line := strings.Repeat("a b c d e f g h ", 1024)
	s := newSource(t, spooled(t, slices.Repeat([]string{line}, 3*chunkWords/1024)), &claim{}) // 24 chunks
	waiting := func(want int) {
		t.Helper()
		for range 1000 {
			if len(s.feed.chunks) == want {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%d chunks wait, not %d", len(s.feed.chunks), want)
	}
	waiting(leastAhead)
	for range 2 {
		if _, err := s.cut(context.Background(), 1000); err != nil {
			t.Fatal(err)
		}
		waiting(leastAhead) // one is half used
	}
	if _, err := s.cut(context.Background(), 3*chunkWords/2); err != nil {
		t.Fatal(err)
	}
	waiting(12)
	slice, err := s.cut(context.Background(), 1<<40)
	if err != nil || !slice.cursors[0].Last {
		t.Errorf("%+v, %v", slice, err)
	}
}

func sized(t *testing.T, words, vectorSize int) *word2vec.Model {
	t.Helper()
	model, err := word2vec.New(word2vec.Settings{VectorSize: vectorSize, Window: 5, Sg: true, Negative: 5, Alpha: 1, Epochs: 1}, slices.Repeat([]uint64{1}, words))
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func TestASliceEndsWhereAnotherEpochBegins(t *testing.T) {
	open := spooled(t, []string{"a b c", "d e"}, []string{"f"})
	s := newSource(t, open, &claim{partition: 0}, &claim{partition: 1}, &claim{epoch: 1, partition: 0}, &claim{epoch: 1, partition: 1})
	for epoch := range uint32(2) {
		slice, err := s.cut(context.Background(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		if slice.words != 6 || len(slice.cursors) != 2 || slice.cursors[0].Epoch != epoch || slice.cursors[1].Epoch != epoch {
			t.Errorf("%d words, cursors %+v", slice.words, slice.cursors)
		}
	}
	if s.half != nil || s.open != 0 {
		t.Error("something is left")
	}
}
