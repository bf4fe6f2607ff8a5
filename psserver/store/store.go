package store

import (
	"errors"
	"slices"
	"sync"
)

// Store is the tensors by name, in the order in which they were defined.
type Store struct {
	mu      sync.RWMutex
	tensors []*Tensor
}

// Define puts a tensor in, in the place of one of the same name, which is closed.
func (s *Store) Define(t *Tensor) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(t.Name); i >= 0 {
		old := s.tensors[i]
		s.tensors[i] = t
		return old.Close()
	}
	s.tensors = append(s.tensors, t)
	return nil
}

// Drop takes a tensor out, if it is there.
func (s *Store) Drop(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(name)
	if i < 0 {
		return nil
	}
	old := s.tensors[i]
	s.tensors = slices.Delete(s.tensors, i, i+1)
	return old.Close()
}

// Get finds a tensor by name, or nil.
func (s *Store) Get(name string) *Tensor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i := s.index(name); i >= 0 {
		return s.tensors[i]
	}
	return nil
}

// All lists the tensors.
func (s *Store) All() []*Tensor {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Clone(s.tensors)
}

// Names lists the tensors' names.
func (s *Store) Names() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := make([]string, len(s.tensors))
	for i, t := range s.tensors {
		names[i] = t.Name
	}
	return names
}

// Bytes is how much memory the tensors take.
func (s *Store) Bytes() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	total := int64(0)
	for _, t := range s.tensors {
		total += int64(len(t.Data))
	}
	return total
}

// Close gives all shared memory back. Nothing may read the tensors afterwards.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	for _, t := range s.tensors {
		err = errors.Join(err, t.Close())
	}
	s.tensors = nil
	return err
}

func (s *Store) index(name string) int {
	return slices.IndexFunc(s.tensors, func(t *Tensor) bool { return t.Name == name })
}
