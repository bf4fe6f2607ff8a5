package spool

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newRoot(t testing.TB, budget *Budget) *Root {
	t.Helper()
	root, err := NewRoot(t.TempDir(), budget)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// write spools lines as partition 0 of training 1, and commits.
func write(t testing.TB, root *Root, lines ...string) *Partition {
	t.Helper()
	w := begin(t, root, lines...)
	if _, err := w.Seal(); err != nil {
		t.Fatal(err)
	}
	p, err := w.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func begin(t testing.TB, root *Root, lines ...string) *Writer {
	t.Helper()
	w, err := root.Create(1, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if err := w.Line([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	return w
}
