package replica

import (
	"context"
	"fmt"
	"os"
	"sync"

	"deepdist/internal/bundle"
	"deepdist/sidecar/psclient"
)

// Versions hands the versions of a whole model to the tasks of one executor, which share them: a version is fetched once, into a
// memfd that nobody can write any more, and every task maps that.
//
// Pulls go to the server one at a time, and all of them go there, since the server counts them: it answers "unchanged" for the version
// that is here. The memory of an old version is freed when the last task has unmapped it; the kernel counts.
type Versions struct {
	turn chan struct{} // holds one token: whoever has it pulls

	mu      sync.Mutex
	current *Version
}

// Version is one immutable version of a model.
type Version struct {
	Number uint64
	Header bundle.Header
	file   *os.File

	owner   *Versions
	readers int // guarded by owner.mu
}

// NewVersions returns an empty holder.
func NewVersions() *Versions {
	v := &Versions{turn: make(chan struct{}, 1)}
	v.turn <- struct{}{}
	return v
}

// File is the version's memfd, until Release.
func (v *Version) File() *os.File { return v.file }

// Release ends a reader's hold. Tasks that have mapped the memory keep it.
func (v *Version) Release() {
	v.owner.mu.Lock()
	defer v.owner.mu.Unlock()
	v.readers--
	if v.readers == 0 && v.file != nil {
		v.file.Close()
		v.file = nil
	}
}

// Pull returns the version that the server serves now; the caller releases it. pull is psclient's, bound to a training.
func (v *Versions) Pull(ctx context.Context, pull func(ctx context.Context, ifNotVersion uint64, sink psclient.PullSink) error) (*Version, error) {
	select {
	case <-v.turn:
		defer func() { v.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	held := uint64(0)
	if current := v.get(); current != nil {
		held = current.Number
		current.Release()
	}
	arriving := &arrival{}
	defer arriving.drop()
	if err := pull(ctx, held, arriving); err != nil {
		return nil, err
	}
	if arriving.header.Unchanged {
		if current := v.get(); current != nil && current.Number == arriving.header.Version {
			return current, nil
		}
		return nil, fmt.Errorf("pull: version %d is said to be unchanged, but is not held", arriving.header.Version)
	}
	next, err := arriving.seal()
	if err != nil {
		return nil, err
	}
	next.owner, next.readers = v, 2 // the holder's, and the caller's
	v.mu.Lock()
	old := v.current
	v.current = next
	v.mu.Unlock()
	if old != nil {
		old.Release()
	}
	return next, nil
}

// get returns the version held, retained, or nil.
func (v *Versions) get() *Version {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current != nil {
		v.current.readers++
	}
	return v.current
}

// Bytes is the memory that the version takes.
func (v *Versions) Bytes() uint64 {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.current == nil {
		return 0
	}
	return uint64(v.current.Header.Bytes)
}

// Close lets go of the version held.
func (v *Versions) Close() {
	v.mu.Lock()
	old := v.current
	v.current = nil
	v.mu.Unlock()
	if old != nil {
		old.Release()
	}
}

// arrival is a version that is being received: its values are written to their final place.
type arrival struct {
	header psclient.Pulled
	into   *bundle.Writable
}

// Begin makes room; a pull that is repeated begins again.
func (a *arrival) Begin(p psclient.Pulled) error {
	a.drop()
	a.header = p
	if p.Unchanged {
		return nil
	}
	tensors := make([]bundle.Tensor, len(p.Tensors))
	for i, t := range p.Tensors {
		tensors[i] = bundle.Tensor{Name: t.Name, DType: t.DType, Shape: t.Shape}
	}
	into, err := bundle.Create(tensors, p.Numbers)
	if err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	a.into = into
	return nil
}

// Values writes bytes of tensor i.
func (a *arrival) Values(i int, offset uint64, values []byte) error {
	if a.into == nil || i >= len(a.into.Tensors) {
		return fmt.Errorf("pull: values of tensor %d, which was not announced", i)
	}
	data := a.into.Tensors[i].Data
	if offset > uint64(len(data)) || uint64(len(values)) > uint64(len(data))-offset {
		return fmt.Errorf("pull: %d bytes at %d of tensor %q, which has %d", len(values), offset, a.into.Tensors[i].Name, len(data))
	}
	copy(data[offset:], values)
	return nil
}

func (a *arrival) seal() (*Version, error) {
	into := a.into
	a.into = nil
	if into == nil {
		return nil, fmt.Errorf("pull: no version came")
	}
	file, header, err := into.Seal()
	if err != nil {
		return nil, fmt.Errorf("pull: %w", err)
	}
	return &Version{Number: a.header.Version, Header: header, file: file}, nil
}

func (a *arrival) drop() {
	if a.into != nil {
		a.into.Close()
		a.into = nil
	}
}
