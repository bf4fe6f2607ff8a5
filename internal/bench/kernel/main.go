// Command kernel trains a text file with sidecar/word2vec alone, whole vocabulary in memory, and prints a JSON line about how fast that was. It measures
// the kernel (see ../kernel.py, which runs gensim beside it) and, with -vectors, serves to look at the vectors' quality without Spark.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime/pprof"
	"time"

	"deepdist/internal/bench"
	"deepdist/internal/caches"
	"deepdist/internal/vec"
	"deepdist/sidecar/word2vec"
)

// Line is what is printed. A pair is one (center, context word) pair; it costs 6·dim FLOP against each of its 1 + negative output rows
// (2·dim each for the score and the two updates). gflops counts those and no padding, by CPU time as the peak does: all threads' together. (Of CBOW pairs are windows; gflops is of negative sampling only.)
type Line struct {
	Tool              string  `json:"tool"`
	Dim               int     `json:"dim"`
	Threads           int     `json:"threads"`
	WordsPerSecond    float64 `json:"words_per_second"`     // raw in-vocabulary words
	WordsPerCPUSecond float64 `json:"words_per_cpu_second"` // of the process, while it trains
	PairsPerSecond    float64 `json:"pairs_per_second"`
	GFLOPs            float64 `json:"gflops"`
	FMAPeakGFLOPs     float64 `json:"fma_peak_gflops"` // of these threads, measured in the same process
	Words             uint64  `json:"words"`
	Seconds           float64 `json:"seconds"`
	Loss              float64 `json:"loss"`
	Kernel            string  `json:"kernel"`
	Caches            int     `json:"caches"`           // that threads had rows for
	LineTransferNs    float64 `json:"line_transfer_ns"` // from one processor to another, after the training: see caches.Transfer
}

func main() {
	corpus := flag.String("corpus", os.Getenv("DEEPDIST_CORPUS"), "text `file`, one sentence per line")
	threads := flag.Int("threads", 1, "threads that train")
	split := flag.Int("caches", 0, "train as if the processors had so `many` caches; 0: as many as are found")
	kernel := flag.String("kernel", vec.Auto, "`name` of the kernel: avx512, avx2 or generic; auto is the best one that runs here")
	minCount := flag.Uint64("min-count", 5, "leave out rarer words")
	vectors := flag.String("vectors", "", "write word2vec text format to this `file`")
	profile := flag.String("cpuprofile", "", "write a pprof profile of the training to this `file`")
	s := word2vec.Settings{NsExponent: 0.75, ShrinkWindows: true}
	flag.IntVar(&s.VectorSize, "dim", 100, "length of a vector")
	flag.IntVar(&s.Window, "window", 5, "largest distance of a context word")
	flag.IntVar(&s.Negative, "negative", 5, "negatives per window; 0 for none")
	flag.BoolVar(&s.Sg, "sg", true, "skip-gram, else CBOW")
	flag.BoolVar(&s.CbowMean, "cbow-mean", true, "CBOW by the mean of the context words, else by their sum")
	flag.BoolVar(&s.Hs, "hs", false, "hierarchical softmax")
	flag.BoolVar(&s.ComputeLoss, "compute-loss", false, "the loss of every sentence, else of one in 16")
	flag.Float64Var(&s.Sample, "sample", 1e-4, "subsampling threshold")
	flag.IntVar(&s.Epochs, "epochs", 1, "passes over the text")
	flag.Uint64Var(&s.Seed, "seed", 1, "seed of all random choices")
	alpha := flag.Float64("alpha", 0.025, "learning rate at the start")
	flag.Parse()
	s.Alpha, s.MinAlpha = float32(*alpha), 0.0001

	if err := run(*corpus, *kernel, *vectors, *profile, *minCount, *threads, *split, s); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(corpus, kernel, vectors, profile string, minCount uint64, threads, split int, s word2vec.Settings) error {
	if err := vec.Use(kernel); err != nil {
		return err
	}
	if corpus == "" {
		return fmt.Errorf("no text: name a file by -corpus or DEEPDIST_CORPUS")
	}
	text, err := bench.ReadText(corpus, minCount)
	if err != nil {
		return err
	}
	training, err := bench.NewTraining(text, s)
	if err != nil {
		return err
	}
	defer training.Free()
	peak := bench.PeakFLOPs(threads)
	if err := caches.Use(split); err != nil {
		return err
	}
	if profile != "" {
		file, err := os.Create(profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
	}
	cost := training.Run(threads)
	pprof.StopCPUProfile()
	transfer := caches.Transfer()
	if vectors != "" {
		if err := training.WriteVectors(vectors); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(line(cost, s, threads, peak, transfer))
}

func line(cost bench.Cost, s word2vec.Settings, threads int, peak float64, transfer time.Duration) Line {
	wall := cost.Wall.Seconds()
	words, pairs := float64(cost.Stats.Words), float64(cost.Stats.Pairs)
	flop := pairs * float64(1+s.Negative) * 6 * float64(s.VectorSize)
	return Line{
		Tool: "deepdist", Dim: s.VectorSize, Threads: threads,
		WordsPerSecond: words / wall, WordsPerCPUSecond: words / cost.CPU.Seconds(), PairsPerSecond: pairs / wall,
		GFLOPs: flop / cost.CPU.Seconds() * float64(threads) / 1e9, FMAPeakGFLOPs: peak / 1e9,
		Words: cost.Stats.Words, Seconds: wall, Loss: cost.Stats.Loss / float64(cost.Stats.LossPairs), Kernel: vec.Name(), Caches: cost.Caches, LineTransferNs: float64(transfer.Nanoseconds()),
	}
}
