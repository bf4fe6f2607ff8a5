package store

import (
	"maps"
	"sync"

	"deepdist/internal/bundle"
)

// Version is the whole model as it was at one moment: what workers of any model pull. It never changes while somebody holds it,
// so a gradient computed on it can't see later updates leak in.
type Version struct {
	Number  uint64
	Tensors []bundle.Tensor
	Numbers map[string]float64

	publisher *Publisher
	readers   int // guarded by publisher.mu
}

// Publisher makes versions. The memory of a version whose last reader has gone is used for the next one: with a publication per
// update the model would otherwise be allocated, zeroed and collected hundreds of times a second.
type Publisher struct {
	mu   sync.Mutex
	free map[int][][]byte // by length
}

// maxFree is how many buffers of one length are kept: a model's tensors often share their shape.
const maxFree = 8

// Publish copies the tensors. The caller is the first reader and must Release. Nobody may write the tensors meanwhile.
func (p *Publisher) Publish(number uint64, tensors []*Tensor, numbers map[string]float64) *Version {
	v := &Version{Number: number, Numbers: maps.Clone(numbers), publisher: p, readers: 1}
	for _, t := range tensors {
		c := t.Tensor
		c.Data = p.take(len(t.Data))
		copy(c.Data, t.Data)
		v.Tensors = append(v.Tensors, c)
	}
	return v
}

// Retain adds a reader.
func (v *Version) Retain() *Version {
	v.publisher.mu.Lock()
	defer v.publisher.mu.Unlock()
	v.readers++
	return v
}

// Release takes a reader away; with the last one the version's memory is used anew.
func (v *Version) Release() {
	p := v.publisher
	p.mu.Lock()
	defer p.mu.Unlock()
	v.readers--
	if v.readers > 0 {
		return
	}
	if v.readers < 0 {
		panic("store: a version was released more often than retained")
	}
	for i := range v.Tensors {
		data := v.Tensors[i].Data
		v.Tensors[i].Data = nil
		if n := len(data); n > 0 && len(p.free[n]) < maxFree {
			if p.free == nil {
				p.free = map[int][][]byte{}
			}
			p.free[n] = append(p.free[n], data)
		}
	}
}

func (p *Publisher) take(length int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if free := p.free[length]; len(free) > 0 {
		p.free[length] = free[:len(free)-1]
		return free[len(free)-1]
	}
	return bundle.Bytes(make([]uint64, (length+7)/8))[:length:length]
}

// Find returns the tensor of that name, or nil.
func (v *Version) Find(name string) *bundle.Tensor {
	for i := range v.Tensors {
		if v.Tensors[i].Name == name {
			return &v.Tensors[i]
		}
	}
	return nil
}
