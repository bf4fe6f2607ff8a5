package textfile

import "strings"

// Split is a range of a file. It stands for the lines that start there; of a compressed file it is always the whole.
type Split struct {
	Path   string `json:"path"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
}

const (
	// largest is what a partition has at most of plain text: a block of HDFS. What is lost with a task or a sidecar is read again from there.
	largest = 128 << 20
	// mostSplits bounds what a task has to tell its sidecar.
	mostSplits = 1000
)

// Cut gives each of about n partitions its splits, of the same length in sum: more partitions if they would be too large, fewer if files
// can't be cut so finely. The files come one after another; a compressed one goes whole to where it begins.
func Cut(files []File, n int) (partitions [][]Split) {
	total := int64(0)
	for _, f := range files {
		total += f.Size
	}
	n = max(1, n, int((total+largest-1)/largest))
	piece := max(1, (total+int64(n)-1)/int64(n))
	var splits []Split
	room := piece
	for _, f := range files {
		for offset := int64(0); offset < f.Size; {
			length := f.Size - offset
			if !compressed(f.Path) {
				length = min(length, room)
			}
			splits = append(splits, Split{Path: f.Path, Offset: offset, Length: length})
			offset += length
			if room -= length; room <= 0 || len(splits) == mostSplits {
				partitions, splits, room = append(partitions, splits), nil, piece
			}
		}
	}
	if len(splits) > 0 {
		partitions = append(partitions, splits)
	}
	return partitions
}

func compressed(path string) bool {
	return strings.HasSuffix(path, ".gz") || strings.HasSuffix(path, ".bz2")
}
