// Package descent keeps order among the updates for a callable `descent`, which runs on the driver: they wait in line, and one at a
// time is out.
//
//	push → waiting → out (the driver holds it) → applied: its cursors move, the push is answered
//	                                           ↘ failed: the training ends
//
// Cursors are looked at when an update's turn comes, not when it arrives: what stands before it in line may move them. While an
// update is out nothing else moves a cursor, so what was admitted stays admitted.
//
// How many wait is bounded by whoever fills the queue: a push holds its share of the session's byte budget until it is answered.
package descent

import "slices"

// Queue is the line, of anything. It has no lock: its owner has one.
type Queue[T comparable] struct {
	waiting []T
	out     T
	id      uint64 // of the one that is out; 0: none
	last    uint64
}

// Add puts an update at the end.
func (q *Queue[T]) Add(u T) { q.waiting = append(q.waiting, u) }

// Cancel takes an update out of the line. One that is out stays out: the driver may have applied half of it.
func (q *Queue[T]) Cancel(u T) bool {
	if i := slices.Index(q.waiting, u); i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
		return true
	}
	return false
}

// Head is the next in line, if none is out.
func (q *Queue[T]) Head() (u T, ok bool) {
	if q.id != 0 || len(q.waiting) == 0 {
		return u, false
	}
	return q.waiting[0], true
}

// Skip drops the head: it can't be applied, or needs no driver.
func (q *Queue[T]) Skip() { q.waiting = slices.Delete(q.waiting, 0, 1) }

// Take sends the head out and gives it a number. None may be out.
func (q *Queue[T]) Take() (u T, id uint64) {
	u = q.waiting[0]
	q.Skip()
	q.last++
	q.out, q.id = u, q.last
	return u, q.id
}

// Out is the update that the driver holds, with its number; 0: none.
func (q *Queue[T]) Out() (T, uint64) { return q.out, q.id }

// Finish ends the update that is out, if it is the one of that number.
func (q *Queue[T]) Finish(id uint64) (u T, ok bool) {
	if id == 0 || id != q.id {
		return u, false
	}
	u = q.out
	var none T
	q.out, q.id = none, 0
	return u, true
}

// Len is how many wait.
func (q *Queue[T]) Len() int { return len(q.waiting) }

// Drain empties the queue, also of what is out, and returns all.
func (q *Queue[T]) Drain() []T {
	all := q.waiting
	if q.id != 0 {
		all = append(all, q.out)
	}
	var none T
	q.waiting, q.out, q.id = nil, none, 0
	return all
}
