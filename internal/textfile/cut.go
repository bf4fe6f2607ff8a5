package textfile

import (
	"cmp"
	"path"
	"slices"

	"deepdist/internal/storage"
)

// Split is a range of a file. It stands for the lines that start there; of a compressed file it is always the whole.
type Split struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
}

// Partition is what one task reads, and the hosts that hold all of it; none where hosts do not matter.
type Partition struct {
	Splits []Split  `json:"splits"`
	Hosts  []string `json:"hosts"`
	bytes  int64
}

const (
	// largest is what a partition has at most of plain text: a block of HDFS. What is lost with a task or a sidecar is read again from there.
	largest = 128 << 20
	// mostSplits bounds what a task has to tell its sidecar.
	mostSplits = 1000
)

// Cut divides files among about n partitions: more if they would be too large or hosts want it, fewer if files can't be cut so finely.
// A compressed file is not cut.
//
// Where hosts do not matter, the files come one after another, and partitions are of the same length. Where they do, each block is a
// split, or several of the same length if n asks for that, and a partition is filled with splits that one host holds.
func Cut(files []File, n int) []Partition {
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	n = max(1, n, int((total+largest-1)/largest))
	c := cutter{piece: max(1, (total+int64(n)-1)/int64(n))}
	for _, f := range files {
		switch {
		case len(f.Blocks) == 0:
			c.inOrder(f)
		case compressed(f.Path):
			c.place(Split{f.Path, 0, f.Size}, holders(f.Blocks))
		default:
			for _, b := range f.Blocks {
				parts := max(1, (b.Length+c.piece-1)/c.piece)
				for i := range parts {
					from, to := b.Length*i/parts, b.Length*(i+1)/parts
					c.place(Split{f.Path, b.Offset + from, to - from}, b.Hosts)
				}
			}
		}
	}
	return append(append(c.full, c.open...), c.plain...)
}

type cutter struct {
	piece      int64 // what a partition is to have
	plain      []Partition
	room       int64       // left in the last one of plain
	open, full []Partition // those of hosts
}

// inOrder cuts a file where the partitions are full.
func (c *cutter) inOrder(f File) {
	for offset := int64(0); offset < f.Size; {
		if c.room <= 0 || len(c.plain[len(c.plain)-1].Splits) == mostSplits {
			c.plain, c.room = append(c.plain, Partition{}), c.piece
		}
		length := f.Size - offset
		if !compressed(f.Path) {
			length = min(length, c.room)
		}
		last := &c.plain[len(c.plain)-1]
		last.Splits = append(last.Splits, Split{f.Path, offset, length})
		offset += length
		c.room -= length
	}
}

// place puts a split into an open partition that a host of it holds and that it does not make much too large, or begins a new one.
func (c *cutter) place(s Split, hosts []string) {
	if s.Length == 0 {
		return
	}
	at := slices.IndexFunc(c.open, func(p Partition) bool {
		return p.bytes+s.Length <= c.piece+c.piece/10 && len(both(p.Hosts, hosts)) > 0
	})
	if at < 0 {
		c.open, at = append(c.open, Partition{Hosts: hosts}), len(c.open)
	}
	p := &c.open[at]
	p.Splits, p.Hosts, p.bytes = append(p.Splits, s), both(p.Hosts, hosts), p.bytes+s.Length
	if p.bytes >= c.piece-c.piece/10 || len(p.Splits) == mostSplits {
		c.full = append(c.full, *p)
		c.open = slices.Delete(c.open, at, at+1)
	}
}

func both(a, b []string) []string {
	var in []string
	for _, host := range a {
		if slices.Contains(b, host) {
			in = append(in, host)
		}
	}
	return in
}

// holders are the hosts that hold the most of a file.
func holders(blocks []storage.Block) []string {
	bytes := map[string]int64{}
	most := int64(0)
	for _, b := range blocks {
		for _, host := range b.Hosts {
			bytes[host] += b.Length
			most = max(most, bytes[host])
		}
	}
	var hosts []string
	for host, n := range bytes {
		if n == most {
			hosts = append(hosts, host)
		}
	}
	slices.SortFunc(hosts, cmp.Compare[string])
	return hosts
}

func compressed(name string) bool {
	return slices.Contains([]string{".gz", ".bz2", ".zst"}, path.Ext(name))
}
