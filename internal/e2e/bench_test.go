package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkTraining trains the text of DEEPDIST_CORPUS (one sentence a line) through the programs, with two streams, at word2vec's usual
// settings; what Spark and Python add is measured elsewhere. One sidecar has large slices; two have slices of 4,000 words.
func BenchmarkTraining(b *testing.B) {
	b.Run("one sidecar", func(b *testing.B) { benchmarkTraining(b, 1) })
	b.Run("two sidecars", func(b *testing.B) { benchmarkTraining(b, 2) })
}

func benchmarkTraining(b *testing.B, n int) {
	name := os.Getenv("DEEPDIST_CORPUS")
	if name == "" {
		b.Skip("DEEPDIST_CORPUS is not set: name a text file")
	}
	lines := readLines(b, name)
	for b.Loop() {
		ps := startServer(b)
		var sidecars []*sidecar
		for range n {
			sidecars = append(sidecars, startSidecar(b))
		}
		o, _ := ask[opened](b, ps, "open_training", map[string]any{"kind": "word2vec", "partitions": 2, "min_count": 5, "settings": map[string]any{
			"vector_size": 100, "window": 5, "sg": true, "negative": 5, "sample": 1e-4, "ns_exponent": 0.75, "alpha": 0.025, "min_alpha": 0.0001,
			"epochs": 1, "seed": 1, "shrink_windows": true}}, nil)
		began := time.Now()
		both(func(p int) {
			if _, err := sidecars[p%n].ingest(b, ps, o.TrainingID, p, int64(p), lines[p*len(lines)/2:(p+1)*len(lines)/2]); err != nil {
				b.Error(err)
			}
		})
		b.ReportMetric(time.Since(began).Seconds(), "ingest-s")
		began = time.Now()
		settled, _ := ask[struct {
			Words uint64 `json:"words"`
		}](b, ps, "settle_vocabulary", map[string]any{"training_id": o.TrainingID}, nil)
		b.ReportMetric(time.Since(began).Seconds(), "settle-s")
		began = time.Now()
		cpu := func() (sum float64) {
			for _, s := range sidecars {
				sum += cpuSeconds(b, s.process)
			}
			return sum
		}
		before := [2]float64{cpu(), cpuSeconds(b, ps.process)}
		both(func(p int) {
			if _, err := sidecars[p%n].train(b, ps, o.TrainingID); err != nil {
				b.Error(err)
			}
		})
		seconds := time.Since(began).Seconds()
		b.ReportMetric(seconds, "train-s")
		b.ReportMetric(float64(settled.Words)/1e6/seconds, "Mwords/s")
		b.ReportMetric(cpu()-before[0], "sidecar-cpu-s") // on a machine that does other things too, this is the figure
		b.ReportMetric(cpuSeconds(b, ps.process)-before[1], "psserver-cpu-s")
	}
}

func both(f func(int)) {
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() { f(i) })
	}
	group.Wait()
}

func readLines(b *testing.B, name string) (lines []string) {
	file, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<30)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
	}
	if err := scanner.Err(); err != nil {
		b.Fatal(err)
	}
	return lines
}

// cpuSeconds is what a process has used so far.
func cpuSeconds(b *testing.B, p *process) float64 {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	var user, system float64
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return (user + system) / 100
}
