package worker

import (
	"context"
	"math"
	"sync"
	"sync/atomic"

	"deepdist/internal/frame"
	"deepdist/internal/life"
	"deepdist/sidecar/psclient"
	"deepdist/sidecar/replica"
	"deepdist/sidecar/spool"
	"deepdist/sidecar/word2vec"
)

// training is what this worker has of one training: the spools that it committed, the tasks that lend their cores, and the loop.
type training struct {
	id       uint32
	worker   *Worker
	seats    *seats
	words    atomic.Uint64 // trained here so far, pushed or not
	progress progress

	ctx    context.Context // ends with the worker, or when the training is closed
	cancel context.CancelCauseFunc

	mu         sync.Mutex
	partitions map[uint32]*spool.Partition
	kept       chan struct{} // replaced and closed when a partition is added
	looping    bool
	dropped    bool
	loops      sync.WaitGroup

	loopState
	replicaSize atomic.Uint64 // of the loop's rows
	versions    *replica.Versions
}

// loopState belongs to the loop's goroutine. It outlives one loop: a later task goes on where the last one left.
type loopState struct {
	vocabulary *psclient.Vocabulary
	ids        map[string]uint32
	tables     map[*spool.Partition]spool.Table // used by the feed's goroutine, one at a time
	model      *word2vec.Model
	rows       *replica.Words
	needed     *word2vec.Needed
	scratch    word2vec.Scratch
	claims     []*claim // held, not yet applied to their end
	source     source
	pushes     int
	limit      uint64 // of a slice's words, by memory
	exhausted  bool   // the last claim was answered by: nothing more
	spare      []*word2vec.Trainer
	spreading
}

func newTraining(w *Worker, id uint32) *training {
	t := &training{id: id, worker: w, seats: newSeats(), partitions: map[uint32]*spool.Partition{}, kept: make(chan struct{})}
	t.versions = replica.NewVersions()
	t.ctx, t.cancel = context.WithCancelCause(w.ctx)
	return t
}

// Attach seats a task at a training; the first one starts the loop.
func (w *Worker) Attach(id uint32) (*Seat, error) {
	t, err := w.training(id)
	if err != nil {
		return nil, err
	}
	seat := &Seat{training: t, left: make(chan struct{}), done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return nil, t.stopped()
	}
	t.seats.add(seat)
	if !t.looping {
		t.looping = true
		t.loops.Go(t.loop)
	}
	return seat, nil
}

// loop trains as long as there are seats, and ends them with its result.
func (t *training) loop() {
	for {
		err := t.train()
		if err != nil {
			t.reset()
		} else if t.exhausted && t.rows != nil {
			t.rows.Close() // the driver is about to fetch the model; if partitions come back, the next pull brings the rows again
			t.closeCopies()
			t.replicaSize.Store(0)
			t.source.feed.stop() // and with it goes the text that it keeps
			t.source = source{}
		}
		t.mu.Lock()
		if err == nil && t.seats.count() > 0 && !t.exhausted {
			t.mu.Unlock()
			continue // somebody came while the last one left
		}
		if err != nil && t.ctx.Err() != nil {
			err = context.Cause(t.ctx)
		}
		t.seats.dismiss(err)
		t.looping = false
		t.mu.Unlock()
		if err != nil {
			t.worker.log.Warn("training stopped", "training", t.id, "error", err)
		}
		return
	}
}

// prepare makes what training needs.
func (t *training) prepare() error {
	if t.model == nil {
		if err := t.fetch(); err != nil {
			return err
		}
	}
	if t.source.feed == nil {
		t.source = source{feed: t.newFeed()}
		for _, c := range t.claims {
			t.source.feed.add(c)
			t.source.open++
		}
	}
	return nil
}

// newFeed keeps the text if all of it is short enough, and there is room.
func (t *training) newFeed() *feed {
	room := 0
	if t.epochWords() <= min(keepWords, t.limit) {
		room = keepWords
	}
	return newFeed(t.ctx, t.openSpool, room)
}

// epochWords is how many words the spools here have, those that are not in the vocabulary among them.
func (t *training) epochWords() (words uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.partitions {
		words += p.Totals().Words
	}
	return words
}

// fetch gets the vocabulary and makes the model, once.
func (t *training) fetch() error {
	v, err := t.worker.client.Vocabulary(t.ctx, t.id)
	if err != nil {
		return err
	}
	model, err := word2vec.New(word2vec.Settings(v.Settings), v.Counts)
	if err != nil {
		return frame.Errorf(frame.BadInput, "%w", err)
	}
	available, err := life.AvailableMemory()
	if err != nil {
		available = math.MaxUint64 // not known
	}
	limit, limited := sliceLimit(v.Len(), model, available)
	if t.limit = limit; limited {
		t.worker.log.Warn("too little memory for all rows: training in short slices, which is slower; raise spark.executor.memoryOverhead",
			"words", v.Len(), "vector_size", v.Settings.VectorSize, "bytes", replica.MostBytes(v.Len(), model.Settings()), "available", available)
	}
	t.ids = make(map[string]uint32, v.Len())
	for id := range v.Len() {
		t.ids[string(v.Word(id))] = uint32(id)
	}
	t.vocabulary, t.model = v, model
	t.rows = replica.NewWords(v.Len(), model.Settings())
	t.needed = model.NewNeeded()
	return nil
}

// sliceLimit is the longest slice that fits into the memory that is available. Usually all rows fit, and the rest is for the slice's text.
// Otherwise slices are kept so short that they touch an eighth of the rows at most, which trains the same model, with more pulls.
func sliceLimit(words int, model *word2vec.Model, available uint64) (limit uint64, limited bool) {
	if rows := replica.MostBytes(words, model.Settings()); rows <= available {
		return max(100_000, (available-rows)/textBytes), false
	}
	return max(1000, uint64(words)/8/uint64(model.RowsPerWord())), true
}

// textBytes is what a word of a slice takes, at hand and in the next slice, read ahead, with its share of a short sentence.
const textBytes = 2 * (4 + 4)

// reset stops the reading after an error; the cursors stay, so that a later task may try again.
func (t *training) reset() {
	if t.source.feed != nil {
		t.source.feed.stop()
		t.source = source{}
	}
	if t.rows != nil {
		t.rows.Forget()
	}
}

// openSpool is called by the feed's goroutine.
func (t *training) openSpool(ctx context.Context, number uint32) (*spool.Reader, error) {
	p, err := t.partition(ctx, number)
	if err != nil {
		return nil, err
	}
	table := t.tables[p]
	if table == nil {
		table, err = p.Table(func(word []byte) (uint32, bool) {
			id, ok := t.ids[string(word)]
			return id, ok
		})
		if err != nil {
			return nil, err
		}
		if t.tables == nil {
			t.tables = map[*spool.Partition]spool.Table{}
		}
		t.tables[p] = table
	}
	return spool.NewReader(p, table)
}

// trainer returns a thread's trainer. Trainers keep their scratch memory between slices.
func (t *training) trainer() *word2vec.Trainer {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := len(t.spare); n > 0 {
		trainer := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return trainer
	}
	return word2vec.NewTrainer(t.model)
}

func (t *training) giveBack(trainer *word2vec.Trainer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spare = append(t.spare, trainer)
}

// keep takes over a committed spool, in the place of an earlier one of the same partition that the server has given up. It returns
// false if the training is over.
func (t *training) keep(p *spool.Partition) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dropped {
		return false
	}
	if old := t.partitions[p.Number()]; old != nil {
		old.Remove()
	}
	t.partitions[p.Number()] = p
	close(t.kept)
	t.kept = make(chan struct{})
	return true
}

// lose removes a spool that can't be read.
func (t *training) lose(partition uint32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.partitions[partition]; p != nil {
		delete(t.partitions, partition)
		delete(t.tables, p)
		p.Remove()
	}
}

// drop ends the training here, waits for its loop, and removes its spools.
func (t *training) drop() {
	t.cancel(t.stopped())
	t.mu.Lock()
	t.dropped = true
	t.mu.Unlock()
	t.loops.Wait()
	if t.source.feed != nil {
		t.source.feed.stop()
	}
	if t.rows != nil {
		t.rows.Close()
	}
	t.closeCopies()
	t.versions.Close()
	t.mu.Lock()
	defer t.mu.Unlock()
	for n, p := range t.partitions {
		if err := p.Remove(); err != nil {
			t.worker.log.Warn("remove spool", "partition", n, "error", err)
		}
	}
	t.partitions = nil
}

// replicaBytes is what the training's copies of the model take.
func (t *training) replicaBytes() uint64 { return t.replicaSize.Load() + t.versions.Bytes() }

func (t *training) stopped() error { return frame.Errorf(frame.Stopped, "training %d has ended", t.id) }
