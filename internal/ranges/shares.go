package ranges

import "sync/atomic"

// Shares deals out 0 … n−1 to threads: to each the numbers of a range of its own first, in order, then what is left of the others'. So threads work far from each other.
type Shares []share

type share struct {
	next atomic.Int64
	end  int64
	_    [64]byte // the next one's counter is not on the same cache line
}

// NewShares cuts [0, n) into as many ranges as there are threads.
func NewShares(n, threads int) Shares {
	s := make(Shares, threads)
	for i := range s {
		s[i].next.Store(int64(i * n / threads))
		s[i].end = int64((i + 1) * n / threads)
	}
	return s
}

// Take gives the next number for the thread that has the share `own`; none is left where ok is false.
func (s Shares) Take(own int) (i int, ok bool) {
	for k := range s {
		from := &s[(own+k)%len(s)]
		if at := from.next.Add(1) - 1; at < from.end {
			return int(at), true
		}
	}
	return 0, false
}
