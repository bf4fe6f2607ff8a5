package pages

import "sync"

// Spare lends memory and keeps what comes back for whoever asks next, while it is open. Fresh pages cost more than what is done with them: the system clears each
// before it is used for the first time. Its zero value is closed, and then it lends fresh memory and keeps nothing.
type Spare struct {
	mu   sync.Mutex
	open bool
	kept []piece
}

type piece struct {
	memory []byte
	free   func()
}

// Open begins to keep memory.
func (s *Spare) Open() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = true
}

// Close frees what is kept; what is lent is freed when it comes back.
func (s *Spare) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = false
	s.freeKept()
}

func (s *Spare) freeKept() {
	for _, p := range s.kept {
		p.free()
	}
	s.kept = nil
}

// Prepare has pieces of so many bytes ready for those who ask next, unless it is closed meanwhile.
func (s *Spare) Prepare(pieces ...int) {
	for _, bytes := range pieces {
		memory, giveBack := s.Take(bytes)
		defer giveBack() // with the others: what has been given back would be lent for the next piece
		Touch(memory)
	}
}

// Take lends bytes of any content, 64-byte aligned, until giveBack, which may be called once. Where nothing kept is large enough, all that is kept is freed
// for a larger piece.
func (s *Spare) Take(bytes int) (memory []byte, giveBack func()) {
	p := s.take(bytes)
	return p.memory[:bytes:bytes], func() { s.put(p) }
}

func (s *Spare) take(bytes int) piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	best := -1
	for i, p := range s.kept {
		if fits := len(p.memory) >= bytes; best < 0 || (fits && (len(s.kept[best].memory) < bytes || len(p.memory) < len(s.kept[best].memory))) {
			best = i
		}
	}
	if best >= 0 {
		p := s.kept[best]
		s.kept = append(s.kept[:best], s.kept[best+1:]...)
		if len(p.memory) >= bytes {
			return p
		}
		p.free()
		s.freeKept()
	}
	memory, free := Alloc(bytes)
	return piece{memory, free}
}

// put keeps what Alloc has taken from the system; the heap keeps its memory itself.
func (s *Spare) put(p piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open && len(p.memory) >= hugePage {
		s.kept = append(s.kept, p)
	} else {
		p.free()
	}
}

// Bytes is what is kept.
func (s *Spare) Bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, p := range s.kept {
		n += len(p.memory)
	}
	return n
}
