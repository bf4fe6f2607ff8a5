package spool

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
)

// corpus is text to measure with: the file named by DEEPDIST_CORPUS, or words drawn by Zipf's law.
func corpus(b *testing.B, words int) [][]byte {
	b.Helper()
	if name := os.Getenv("DEEPDIST_CORPUS"); name != "" {
		return corpusFile(b, name, words)
	}
	b.Log("DEEPDIST_CORPUS is not set: measuring with made-up words")
	zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.07, 3, 70_000)
	var lines [][]byte
	for n := 0; n < words; {
		var line []byte
		for range 1000 {
			line = fmt.Appendf(line, "w%x ", zipf.Uint64()*2654435761%0xfffff)
			n++
		}
		lines = append(lines, line)
	}
	return lines
}

func corpusFile(b *testing.B, name string, words int) (lines [][]byte) {
	b.Helper()
	file, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<30)
	for n := 0; n < words && scanner.Scan(); {
		line := bytes.Clone(scanner.Bytes())
		for len(line) > 8000 { // one line of everything, as text8 is
			cut := bytes.LastIndexByte(line[:8000], ' ') + 1
			lines = append(lines, line[:cut])
			n += bytes.Count(line[:cut], []byte(" "))
			line = line[cut:]
			if n >= words {
				return lines
			}
		}
		lines = append(lines, line)
		n += bytes.Count(line, []byte(" ")) + 1
	}
	return lines
}

// cpuSeconds is what this process has used: unlike wall time it means something on a machine with other work.
func cpuSeconds() float64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

func BenchmarkIngest(b *testing.B) {
	lines := corpus(b, 2_000_000)
	root, err := NewRoot(b.TempDir(), NewBudget(0))
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	words := uint64(0)
	before := cpuSeconds()
	for b.Loop() {
		w, err := root.Create(1, 0, 0)
		if err != nil {
			b.Fatal(err)
		}
		for _, line := range lines {
			if err := w.Line(line); err != nil {
				b.Fatal(err)
			}
		}
		totals, err := w.Seal()
		if err != nil {
			b.Fatal(err)
		}
		words += totals.Words
		w.Abort()
	}
	b.ReportMetric(float64(words)/1e6/(cpuSeconds()-before), "Mwords/cpu-s")
}

func BenchmarkRead(b *testing.B) {
	root, err := NewRoot(b.TempDir(), NewBudget(0))
	if err != nil {
		b.Fatal(err)
	}
	defer root.Close()
	w, err := root.Create(1, 0, 0)
	if err != nil {
		b.Fatal(err)
	}
	for _, line := range corpus(b, 2_000_000) {
		if err := w.Line(line); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Seal(); err != nil {
		b.Fatal(err)
	}
	p, err := w.Commit()
	if err != nil {
		b.Fatal(err)
	}
	n := uint32(0)
	table, err := p.Table(func([]byte) (uint32, bool) { n++; return n, n%7 != 0 })
	if err != nil {
		b.Fatal(err)
	}
	words := uint64(0)
	tokens := make([]uint32, 0, 1<<17)
	before := cpuSeconds()
	for b.Loop() {
		r, err := NewReader(p, table)
		if err != nil {
			b.Fatal(err)
		}
		for {
			if tokens, err = r.Next(tokens[:0]); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
		words += p.Totals().Words
		r.Close()
	}
	b.ReportMetric(float64(words)/1e6/(cpuSeconds()-before), "Mwords/cpu-s")
}
