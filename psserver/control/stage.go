package control

import (
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"deepdist/internal/frame"
	"deepdist/internal/life"
)

// stages are bundles that come and go in parts, each on a connection of its own: Spark carries a large one only in several tasks.
//
// One that comes is put together, in any order, and a later call names it as if it had come along. A part that comes twice, since its task
// did, is the same bytes again. One that is to go is held by the call that it answers, and its parts are asked for, until it is dropped.
type stages struct {
	mu    sync.Mutex
	named map[string]*stage
	held  []hold
}

type hold struct {
	name string
	file *os.File
}

// maxHeld is how many are held: vectors and vocabulary of one training, say. One more drops the oldest.
const maxHeld = 4

type stage struct {
	file  *os.File
	total int64
	parts map[int64]int64 // length by place
}

// maxStages is how many may be under way: one for each large tensor of a model.
const maxStages = 4096

// put is the op `stage`.
func (s *stages) put(request []byte, part *os.File) error {
	r, err := read[struct {
		Stage string `json:"stage"`
		Total int64  `json:"total"`
		At    int64  `json:"at"`
		Bytes int64  `json:"bytes"`
	}](request)
	if err != nil {
		return err
	}
	if r.Stage == "" || r.Bytes <= 0 || part == nil || r.At < 0 || r.Total < r.Bytes || r.At > r.Total-r.Bytes {
		return frame.Errorf(frame.BadInput, "stage %q: %d bytes at %d do not fit into a bundle of %d", r.Stage, r.Bytes, r.At, r.Total)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	to := s.named[r.Stage]
	if to == nil {
		if to, err = s.begin(r.Total); err != nil {
			return err
		}
		s.named[r.Stage] = to
	}
	if to.total != r.Total {
		return frame.Errorf(frame.BadInput, "stage %q: a bundle of %d bytes was begun with %d", r.Stage, r.Total, to.total)
	}
	if _, err := io.Copy(io.NewOffsetWriter(to.file, r.At), io.NewSectionReader(part, 0, r.Bytes)); err != nil {
		return fmt.Errorf("stage %q: %w", r.Stage, err)
	}
	to.parts[r.At] = r.Bytes
	return nil
}

func (s *stages) begin(total int64) (*stage, error) {
	if len(s.named) >= maxStages {
		return nil, frame.Errorf(frame.BadInput, "%d bundles are staged, at most that many can be", maxStages)
	}
	room, err := life.AvailableMemory()
	if err != nil {
		return nil, err
	}
	if uint64(total) > room {
		return nil, frame.Errorf(frame.BadInput, "a bundle of %d bytes is to be received, and %d bytes of memory are available beside the driver", total, room)
	}
	fd, err := unix.MemfdCreate("deepdist-stage", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("create a memfd for a staged bundle: %w", err)
	}
	file := os.NewFile(uintptr(fd), "deepdist-stage")
	if err := unix.Fallocate(fd, 0, 0, total); err != nil {
		file.Close()
		return nil, frame.Errorf(frame.BadInput, "no memory for a bundle of %d bytes: %w", total, err)
	}
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_SHRINK|unix.F_SEAL_GROW); err != nil {
		file.Close()
		return nil, fmt.Errorf("seal a staged bundle: %w", err)
	}
	return &stage{file: file, total: total, parts: map[int64]int64{}}, nil
}

// take hands out a bundle that is complete; the caller closes it.
func (s *stages) take(name string) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.named[name]
	if st == nil {
		return nil, frame.Errorf(frame.BadInput, "no bundle %q was staged", name)
	}
	have := int64(0)
	for end, known := int64(0), true; known; end += st.parts[end] {
		_, known = st.parts[end]
		have = end
	}
	if have != st.total {
		return nil, frame.Errorf(frame.BadInput, "of the staged bundle %q only the first %d of %d bytes have come", name, have, st.total)
	}
	delete(s.named, name)
	return st.file, nil
}

// keep holds the answer of a call; the file is the stages' from here on.
func (s *stages) keep(name string, file *os.File) {
	s.drop(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.held) == maxHeld {
		s.held[0].file.Close()
		s.held = s.held[1:]
	}
	s.held = append(s.held, hold{name, file})
}

// part is the op that sends a part of a bundle that is held.
func (s *stages) part(conn *frame.Conn, request []byte) error {
	r, err := read[struct {
		Hold  string `json:"hold"`
		At    int64  `json:"at"`
		Bytes int64  `json:"bytes"`
	}](request)
	if err != nil {
		return conn.WriteError(err)
	}
	file, size, err := s.open(r.Hold)
	if err != nil {
		return conn.WriteError(err)
	}
	defer file.Close()
	if r.At < 0 || r.Bytes < 0 || r.At > size {
		return conn.WriteError(frame.Errorf(frame.BadInput, "hold %q: no %d bytes at %d in %d", r.Hold, r.Bytes, r.At, size))
	}
	n := min(r.Bytes, size-r.At)
	return conn.WriteJSONPart(frame.OK, struct {
		Bytes int64 `json:"bytes"`
	}{n}, file, r.At, n)
}

// open gives a descriptor of one's own of a bundle that is held, which may be dropped meanwhile.
func (s *stages) open(name string) (*os.File, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		if h.name != name {
			continue
		}
		info, err := h.file.Stat()
		if err != nil {
			return nil, 0, err
		}
		fd, err := unix.FcntlInt(h.file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return nil, 0, fmt.Errorf("hold %q: %w", name, err)
		}
		return os.NewFile(uintptr(fd), "held"), info.Size(), nil
	}
	return nil, 0, frame.Errorf(frame.BadInput, "no bundle %q is held", name)
}

func (s *stages) drop(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, h := range s.held {
		if h.name == name {
			h.file.Close()
			s.held = append(s.held[:i:i], s.held[i+1:]...)
			return
		}
	}
}

// close drops what nobody has taken.
func (s *stages) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.held {
		h.file.Close()
	}
	s.held = nil
	for name, st := range s.named {
		st.file.Close()
		delete(s.named, name)
	}
}
