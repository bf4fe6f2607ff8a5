package textfile

import (
	"slices"
	"strings"
)

// Split is a range of a file. It stands for the lines that start there; of a compressed file it is always the whole.
type Split struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
}

const (
	// largest is what a partition has at most: a block of HDFS. What is lost with a task or a sidecar is read again from there.
	largest = 128 << 20
	// opening is what a file costs besides its bytes, in bytes; it also bounds how many files a partition has.
	opening = 64 << 10
)

// Cut gives each of about n partitions its splits: more partitions if they would be too large, fewer if files can't be cut so finely. The files, one
// after another, are cut at equal distances; a compressed one goes whole to where it begins.
func Cut(files []File, n int) [][]Split {
	total := int64(0)
	for _, f := range files {
		total += opening + f.Size
	}
	n = max(1, n, int((total+largest-1)/largest))
	piece := max(1, (total+int64(n)-1)/int64(n))
	partitions := make([][]Split, n)
	at := int64(0)
	for _, f := range files {
		at += opening
		for offset := int64(0); offset < f.Size; {
			k, end := (at+offset)/piece, f.Size
			if !compressed(f.Path) {
				end = min(end, (k+1)*piece-at)
			}
			partitions[k] = append(partitions[k], Split{Path: f.Path, Offset: offset, Length: end - offset})
			offset = end
		}
		at += f.Size
	}
	return slices.DeleteFunc(partitions, func(p []Split) bool { return len(p) == 0 })
}

func compressed(path string) bool {
	return strings.HasSuffix(path, ".gz") || strings.HasSuffix(path, ".bz2")
}
