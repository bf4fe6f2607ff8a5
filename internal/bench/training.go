package bench

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"deepdist/internal/caches"
	"deepdist/internal/ranges"
	"deepdist/internal/vec"
	"deepdist/sidecar/word2vec"
)

// Training is the whole vocabulary's rows in memory and nothing around them.
type Training struct {
	Settings word2vec.Settings
	Text     *Text
	Rows     *word2vec.Matrices
	model    *word2vec.Model
	free     []func()
}

// NewTraining makes rows as a training starts: syn0 uniform within ±1/size, the others zero.
func NewTraining(text *Text, settings word2vec.Settings) (*Training, error) {
	model, err := word2vec.New(settings, text.Counts)
	if err != nil {
		return nil, err
	}
	t := &Training{Settings: settings, Text: text, model: model, Rows: &word2vec.Matrices{Stride: word2vec.Stride(settings.VectorSize)}}
	for _, matrix := range settings.Matrices(len(text.Words)) {
		rows, free := word2vec.AllocRows(matrix.Rows, t.Rows.Stride)
		t.Rows.Put(matrix.Name, rows, nil)
		t.free = append(t.free, free)
	}
	r := rand.New(rand.NewPCG(settings.Seed, 0))
	for word := range text.Words {
		row := t.Rows.Syn0[word*t.Rows.Stride:][:settings.VectorSize]
		for i := range row {
			row[i] = (2*r.Float32() - 1) / float32(settings.VectorSize)
		}
	}
	return t, nil
}

// Free gives the rows back.
func (t *Training) Free() {
	for _, free := range t.free {
		free()
	}
}

// Cost is what a run took.
type Cost struct {
	Wall, CPU time.Duration // CPU is the process's, of all threads
	Stats     word2vec.Stats
	Caches    int // that threads had rows for
}

// Run trains all epochs with so many threads, the learning rate falling with the words begun. Threads begin far from each other in the text, and train the copy of the
// cache that they run on, as in sidecar/worker.
func (t *Training) Run(threads int) Cost {
	const batch = 32 // sentences that a thread takes at a time
	var begun atomic.Uint64
	var wait sync.WaitGroup
	stats := make([]word2vec.Stats, threads)
	sentences := t.Text.Sentences
	epochs := make([]ranges.Shares, t.Settings.Epochs)
	for i := range epochs {
		epochs[i] = ranges.NewShares((len(sentences)+batch-1)/batch, threads)
	}
	total := float32(uint64(t.Settings.Epochs) * t.Text.Tokens)
	wall, cpu := time.Now(), cpuTime()
	processors := caches.Find()
	copies := t.model.NewCopies(min(threads, processors.Count()))
	defer copies.Close()
	copies.Begin(t.Rows)
	for thread := range threads {
		wait.Go(func() {
			trainer := word2vec.NewTrainer(t.model)
			for epoch, shares := range epochs {
				for i, ok := shares.Take(thread); ok; i, ok = shares.Take(thread) {
					first, end := i*batch, min((i+1)*batch, len(sentences))
					words := uint64(0)
					for _, sentence := range sentences[first:end] {
						words += uint64(len(sentence))
					}
					done := begun.Add(words) - words // once for all: other threads read it too
					own := copies.Of(processors.Here())
					for at := first; at < end; at++ {
						done += uint64(len(sentences[at]))
						alpha := t.Settings.Alpha - (t.Settings.Alpha-t.Settings.MinAlpha)*float32(done)/total
						own.Train(trainer, word2vec.Record{Epoch: uint32(epoch), Index: uint64(at), Tokens: sentences[at]}, max(t.Settings.MinAlpha, alpha))
					}
				}
			}
			stats[thread] = trainer.Stats()
		})
	}
	wait.Wait()
	copies.End()
	cost := Cost{Wall: time.Since(wall), CPU: cpuTime() - cpu, Caches: copies.Count()}
	for _, s := range stats {
		cost.Stats.Add(s)
	}
	return cost
}

// PeakFLOPs measures how many floating-point operations so many threads do at most in a second of CPU time, beside each other and added up: the best of four slices of
// 60 milliseconds. CPU time, since other work on the machine takes away wall time; slices well above a scheduler's tick, since Linux counts the time of a thread that
// runs elsewhere only up to its last one.
func PeakFLOPs(threads int) float64 {
	best := 0.0
	for range 4 {
		var flops atomic.Int64
		var wait sync.WaitGroup
		start, cpu := time.Now(), cpuTime()
		for range threads {
			wait.Go(func() {
				n := 0
				for time.Since(start) < 60*time.Millisecond {
					n += vec.Peak()
				}
				flops.Add(int64(n))
			})
		}
		wait.Wait()
		best = max(best, float64(flops.Load())/(cpuTime()-cpu).Seconds()*float64(threads))
	}
	return best
}

func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage) // fails for no process that asks about itself
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
