package descent

import "testing"

func TestUpdatesGoOutOneAtATimeInOrder(t *testing.T) {
	var q Queue[string]
	for _, u := range []string{"a", "b", "c", "d"} {
		q.Add(u)
	}
	if u, ok := q.Head(); !ok || u != "a" {
		t.Fatal(u)
	}
	q.Skip() // a needs no driver
	u, id := q.Take()
	if u != "b" || id == 0 {
		t.Fatal(u, id)
	}
	if _, ok := q.Head(); ok {
		t.Error("c may go although b is out")
	}
	if q.Cancel("b") {
		t.Error("what is out can't be taken back")
	}
	if !q.Cancel("c") || q.Cancel("c") {
		t.Error("c waits once")
	}
	if _, ok := q.Finish(id + 1); ok {
		t.Error("another number ends it")
	}
	if u, ok := q.Finish(id); !ok || u != "b" {
		t.Error(u, ok)
	}
	if _, ok := q.Finish(id); ok {
		t.Error("it ends twice")
	}
	_, next := q.Take()
	if next == id {
		t.Error("two updates have one number")
	}
	q.Add("e")
	if all := q.Drain(); len(all) != 2 || q.Len() != 0 {
		t.Errorf("drained %v", all)
	}
	if _, out := q.Out(); out != 0 {
		t.Error("something is out of an empty queue")
	}
}
