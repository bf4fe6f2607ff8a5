package worker

import (
	"slices"
	"sync"
)

// Seat is a task that lends its core to a training: one thread trains for each seat. A seat ends when its task leaves, or when the
// loop tells it that there is nothing more to do.
type Seat struct {
	training *training
	left     chan struct{} // closed by Leave
	done     chan struct{} // closed by the loop
	err      error         // why the loop ended the seat; nil: nothing is left to claim
	leave    sync.Once
}

// Leave gives the core back: its thread ends within a few thousand words.
func (s *Seat) Leave() {
	s.leave.Do(func() {
		close(s.left)
		s.training.seats.remove(s)
	})
}

func (s *Seat) gone() bool {
	select {
	case <-s.left:
		return true
	default:
		return false
	}
}

// Done is closed when the loop has ended the seat; Err then says why.
func (s *Seat) Done() <-chan struct{} { return s.done }

// Err is nil if nothing more can be claimed.
func (s *Seat) Err() error { return s.err }

// seats are the tasks at a training now.
type seats struct {
	mu   sync.Mutex
	list []*Seat
	more chan struct{} // replaced and closed when a task takes a seat
}

func newSeats() *seats { return &seats{more: make(chan struct{})} }

func (s *seats) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.list)
}

// all lists them; more is closed when there is another one.
func (s *seats) all() (list []*Seat, more <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.list), s.more
}

// add seats a task.
func (s *seats) add(seat *Seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = append(s.list, seat)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *seats) remove(seat *Seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.list {
		if other == seat {
			s.list = slices.Delete(s.list, i, i+1)
			return
		}
	}
}

// dismiss ends all seats with the loop's result.
func (s *seats) dismiss(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, seat := range s.list {
		seat.err = err
		close(seat.done)
	}
	s.list = nil
}
