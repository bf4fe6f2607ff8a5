package word2vec

// tree is the binary tree of hierarchical softmax (Morin and Bengio 2005; by Huffman's code, Mikolov et al., arXiv:1310.4546, section 2.1): its leaves are
// the words, every inner node has a vector, a row of syn1, and a word's probability is the product of the choices on the way from the root to it. Huffman's
// tree makes the mean way, weighted by the counts, as short as it can be.
//
// It is gensim's own tree, down to which of two equal counts comes first: gensim merges by Python's heapq, so this does what heapq does. The n−1
// inner nodes are numbered as they were made, and the root is the last. Whoever has the counts builds the same tree, and syn1 may come from gensim and go there.
type tree struct {
	steps []step
	ends  []int // the path of word w is steps[ends[w]:ends[w+1]], the root's step first
}

// step is an inner node and which way to go there: node<<1 | way. The right way, 1, has the label 0, as in word2vec.
type step uint32

func (s step) node() uint32 { return uint32(s >> 1) }
func (s step) label() uint8 { return uint8(^s & 1) }

// path is the way from the root to a word.
func (t *tree) path(word uint32) []step { return t.steps[t.ends[word]:t.ends[word+1]] }

// newTree builds Huffman's tree of words that were counted so often.
func newTree(counts []uint64) *tree {
	n := len(counts)
	up := make([]step, max(0, 2*n-2)) // of leaf w, up[w], and of inner node i, up[n+i]: the step that leads to it; the root has none
	var h heap
	for word, count := range counts {
		h = append(h, tip{count, uint32(word)})
	}
	h.heapify()
	for node := range max(0, n-1) {
		left, right := h.pop(), h.pop()
		up[left.index], up[right.index] = step(node<<1), step(node<<1|1)
		h.push(tip{left.count + right.count, uint32(n + node)})
	}
	return grow(up, n)
}

// grow lists the paths of the n leaves.
func grow(up []step, n int) *tree {
	t := &tree{}
	depth := make([]int, len(up)+1)
	for i := len(up) - 1; i >= 0; i-- { // parents have larger numbers than their children
		depth[i] = depth[n+int(up[i].node())] + 1
	}
	t.ends = make([]int, n+1)
	for word := range n {
		t.ends[word+1] = t.ends[word] + depth[word]
	}
	t.steps = make([]step, t.ends[n])
	for word := range n {
		at := word
		for k := t.ends[word+1] - 1; k >= t.ends[word]; k-- {
			t.steps[k] = up[at]
			at = n + int(up[at].node())
		}
	}
	return t
}

// tip is the top of a subtree: a leaf or an inner node, with the sum of its words' counts.
type tip struct {
	count uint64
	index uint32
}

// heap is Python's heapq, comparison by comparison: which of two equal counts is popped first depends on them.
type heap []tip

func (h heap) heapify() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.sink(i)
	}
}

func (h *heap) push(t tip) {
	*h = append(*h, t)
	h.rise(0, len(*h)-1)
}

func (h *heap) pop() tip {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	if len(*h) == 0 {
		return last
	}
	least := (*h)[0]
	(*h)[0] = last
	h.sink(0)
	return least
}

// rise moves the element at i up to its place, not above top.
func (h heap) rise(top, i int) {
	t := h[i]
	for i > top {
		parent := (i - 1) / 2
		if t.count >= h[parent].count {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = t
}

// sink moves the smaller children up until a leaf is free, and lets the element rise from there.
func (h heap) sink(i int) {
	top, t := i, h[i]
	for child := 2*i + 1; child < len(h); child = 2*i + 1 {
		if right := child + 1; right < len(h) && h[child].count >= h[right].count {
			child = right
		}
		h[i] = h[child]
		i = child
	}
	h[i] = t
	h.rise(top, i)
}
