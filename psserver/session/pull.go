package session

import (
	"context"
	"math"
	"time"

	"deepdist/internal/bundle"
	"deepdist/psserver/store"
)

// RowsWanted names rows of a tensor: those of Keys, in ascending order; or all, if Keys is nil.
type RowsWanted struct {
	Tensor string
	Keys   []uint32
}

// View is what a pull reads. Done must be called when it has been read.
type View struct {
	Version      uint64
	Unchanged    bool
	AppliedWords uint64
	Numbers      map[string]float64
	Parts        []Part
	Done         func()
}

// bytes is how many the view's rows have.
func (v *View) bytes() (n uint64) {
	for i := range v.Parts {
		n += uint64(v.Parts[i].Rows) * uint64(v.Parts[i].RowBytes)
	}
	return n
}

// Part is rows of one tensor, as they are to be sent. Shape[0] is their number.
type Part struct {
	Name, DType string
	Shape       []int
	RowBytes    int
	Rows        int
	read        func(first, end int, dst []byte)
}

// Each copies the part's bytes into buffer, piece by piece, and hands each to emit with its offset. Rows are not torn apart unless one alone is longer than the
// buffer.
func (p *Part) Each(buffer []byte, emit func(offset uint64, values []byte) error) error {
	if p.Rows == 0 || p.RowBytes == 0 {
		return nil
	}
	perPiece := len(buffer) / p.RowBytes
	if perPiece == 0 {
		return p.eachTorn(buffer, emit)
	}
	for first := 0; first < p.Rows; first += perPiece {
		end := min(p.Rows, first+perPiece)
		piece := buffer[:(end-first)*p.RowBytes]
		p.read(first, end, piece)
		if err := emit(uint64(first)*uint64(p.RowBytes), piece); err != nil {
			return err
		}
	}
	return nil
}

func (p *Part) eachTorn(buffer []byte, emit func(offset uint64, values []byte) error) error {
	row := make([]byte, p.RowBytes)
	for r := range p.Rows {
		p.read(r, r+1, row)
		for at := 0; at < len(row); at += len(buffer) {
			if err := emit(uint64(r)*uint64(p.RowBytes)+uint64(at), row[at:min(len(row), at+len(buffer))]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Pull finds what a worker asks for. Word vectors are read as they are while they are sent, and Version is no newer than any of
// them; any other model is an immutable version, for which this may wait (max_updates) until ctx is done.
func (s *Session) Pull(ctx context.Context, workerID string, trainingID uint32, rows []RowsWanted, ifNot uint64) (*View, error) {
	for {
		v, changed, patience, err := s.tryPull(workerID, trainingID, rows, ifNot)
		if err != nil || v != nil {
			return v, err
		}
		timer := time.NewTimer(patience)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
		timer.Stop()
	}
}

func (s *Session) tryPull(workerID string, trainingID uint32, rows []RowsWanted, ifNot uint64) (*View, <-chan struct{}, time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, err := s.worker(workerID)
	if err != nil {
		return nil, nil, 0, err
	}
	t, err := s.open(trainingID)
	if err != nil {
		return nil, nil, 0, err
	}
	if t.words != nil {
		v, err := s.pullWords(t, rows, ifNot)
		if err == nil {
			w.pulled += v.bytes()
		}
		return v, nil, 0, err
	}
	version, changed, patience := s.pullModel(t, workerID)
	if version == nil {
		return nil, changed, patience, nil
	}
	v := &View{Version: version.Number, AppliedWords: t.ledger.Words(), Numbers: version.Numbers, Done: version.Release}
	if ifNot != 0 && ifNot == version.Number {
		v.Unchanged = true
		return v, nil, 0, nil
	}
	if len(rows) == 0 {
		for i := range version.Tensors {
			rows = append(rows, RowsWanted{Tensor: version.Tensors[i].Name})
		}
	}
	for _, r := range rows {
		tensor := version.Find(r.Tensor)
		if tensor == nil {
			version.Release()
			return nil, nil, 0, faultf(ErrUnknown, "there is no tensor %q in version %d", r.Tensor, version.Number)
		}
		// An immutable copy needs none of a Tensor's locks, but the way to its rows is the same.
		part, err := partOf(&store.Tensor{Tensor: *tensor}, r.Keys)
		if err != nil {
			version.Release()
			return nil, nil, 0, err
		}
		v.Parts = append(v.Parts, part)
	}
	w.pulled += v.bytes()
	return v, nil, 0, nil
}

func (s *Session) pullWords(t *training, rows []RowsWanted, ifNot uint64) (*View, error) {
	if t.words.settled == nil {
		return nil, faultf(ErrBadInput, "the vocabulary of training %d is not settled yet", t.id)
	}
	v := &View{Version: s.version, AppliedWords: t.ledger.Words(), Done: func() {}}
	if ifNot != 0 && ifNot == s.version {
		v.Unchanged = true
		return v, nil
	}
	if len(rows) == 0 {
		for _, name := range s.words.Names() {
			rows = append(rows, RowsWanted{Tensor: name})
		}
	}
	for _, r := range rows {
		tensor := s.words.Get(r.Tensor)
		if tensor == nil {
			return nil, faultf(ErrUnknown, "there is no tensor %q; this training has %q", r.Tensor, s.words.Names())
		}
		part, err := partOf(tensor, r.Keys)
		if err != nil {
			return nil, err
		}
		v.Parts = append(v.Parts, part)
	}
	return v, nil
}

// partOf checks the keys: they come from the network.
func partOf(t *store.Tensor, keys []uint32) (Part, error) {
	p := Part{Name: t.Name, DType: t.DType, Shape: t.Shape, RowBytes: t.RowBytes(), Rows: t.Rows(), read: t.ReadRange}
	if keys == nil {
		return p, nil
	}
	if len(t.Shape) == 0 {
		return Part{}, faultf(ErrBadInput, "%q has no rows", t.Name)
	}
	last := int64(-1)
	for _, k := range keys {
		if int64(k) <= last || int64(k) >= int64(min(t.Rows(), math.MaxUint32)) {
			return Part{}, faultf(ErrBadInput, "key %d of %q after %d: keys ascend strictly and are below %d", k, t.Name, last, t.Rows())
		}
		last = int64(k)
	}
	p.Rows = len(keys)
	p.Shape = append([]int{len(keys)}, t.Shape[1:]...)
	p.read = func(first, end int, dst []byte) { t.ReadRows(keys[first:end], dst) }
	return p, nil
}

// Snapshot is all tensors of a training as they are now, in a sealed memfd that the caller closes when it has sent it.
func (s *Session) Snapshot(trainingID uint32) (*bundle.Writable, error) {
	s.mu.Lock()
	t, err := s.training(trainingID)
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	if t.words != nil && t.words.settled == nil {
		s.mu.Unlock()
		return nil, faultf(ErrBadInput, "the vocabulary of training %d is not settled: there are no vectors yet", t.id)
	}
	tensors := s.tensors(t).All()
	list := make([]bundle.Tensor, len(tensors))
	for i, tensor := range tensors {
		list[i] = tensor.Tensor
	}
	var numbers map[string]float64
	if t.model != nil {
		numbers = t.model.numbers
		defer s.mu.Unlock() // memory that the driver may replace is read under the lock
	} else {
		s.mu.Unlock() // vectors have locks of their own
	}
	w, err := bundle.Create(list, numbers)
	if err != nil {
		return nil, err
	}
	for i, tensor := range tensors {
		tensor.ReadRange(0, tensor.Rows(), w.Tensors[i].Data)
	}
	return w, nil
}
