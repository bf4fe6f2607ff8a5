package e2e

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deepdist/internal/frame"
	"deepdist/internal/textfile"
)

// read has the sidecar read one partition by itself.
func (s *sidecar) read(t testing.TB, ps *server, training uint32, partition int, splits []textfile.Split) (answer ingested, err error) {
	t.Helper()
	c, err := s.stream(t, ps, "read", training, map[string]any{"partition": partition, "attempt": partition, "splits": splits})
	if err != nil {
		return answer, err
	}
	defer c.Close()
	_, err = c.Answer(&answer)
	return answer, err
}

// trainTwo ingests two partitions and trains them with one stream, which is repeatable to the bit.
func trainTwo(t *testing.T, ps *server, s *sidecar, partitions uint32, ingest func(id uint32, partition int) (ingested, error)) []float32 {
	t.Helper()
	id := ps.openWords(t, int(partitions), nil)
	for p := range int(partitions) {
		if a, err := ingest(id, p); err != nil || !a.Accepted {
			t.Fatalf("partition %d: %+v, %v", p, a, err)
		}
	}
	ask[map[string]any](t, ps, "settle_vocabulary", map[string]any{"training_id": id}, nil)
	if _, err := s.train(t, ps, id); err != nil {
		t.Fatal(err)
	}
	_, syn0, _ := ps.words(t, id)
	return syn0
}

func TestTextThatTheSidecarReadsTrainsTheSameModelAsItsLines(t *testing.T) {
	text := append(topics(1500, 1), "", "a0 a1\u00a0a2\t b0 ")
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte(strings.Join(text, "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	type plan struct {
		Partitions []textfile.Partition `json:"partitions"`
	}
	ps := startServer(t)
	s := startSidecar(t)
	planned, _ := ask[plan](t, ps, "plan_splits", map[string]any{"path": path, "partitions": 2}, nil)
	if len(planned.Partitions) != 2 {
		t.Fatalf("planned %v", planned)
	}
	rows := []int{0, 0}
	fromFile := trainTwo(t, ps, s, 2, func(id uint32, p int) (ingested, error) {
		a, err := s.read(t, ps, id, p, planned.Partitions[p].Splits)
		rows[p] = int(a.Rows)
		return a, err
	})
	if rows[0]+rows[1] != len(text) || rows[0] < 700 || rows[1] < 700 {
		t.Fatalf("%d lines were read as %v", len(text), rows)
	}
	fresh := startServer(t)
	fromLines := trainTwo(t, fresh, s, 2, func(id uint32, p int) (ingested, error) {
		return s.ingest(t, fresh, id, p, int64(p), [][]string{text[:rows[0]], text[rows[0]:]}[p])
	})
	if !slices.Equal(fromFile, fromLines) {
		t.Error("the models differ")
	}
}

func TestASplitThatCannotBeReadNamesItsPartitionAndLeavesNothing(t *testing.T) {
	ps := startServer(t)
	s := startSidecar(t)
	id := ps.openWords(t, 8, nil)
	_, err := s.read(t, ps, id, 7, []textfile.Split{{Path: "file:///no/such/file", Length: 1}})
	var answer *frame.Error
	if !errors.As(err, &answer) || answer.Code != frame.BadInput || !strings.Contains(err.Error(), "partition 7: there is no file /no/such/file on host") {
		t.Error(err)
	}
	left, _ := filepath.Glob(filepath.Join(s.spool, "*", "training-*", "*"))
	hidden, _ := filepath.Glob(filepath.Join(s.spool, "*", "training-*", ".*"))
	if len(left)+len(hidden) > 0 {
		t.Errorf("left behind: %v %v", left, hidden)
	}
}

func TestAReadEndsWithItsTask(t *testing.T) {
	path := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(path, []byte(strings.Repeat("some words of a long text\n", 4_000_000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ps := startServer(t)
	s := startSidecar(t, "--log-level", "DEBUG")
	id := ps.openWords(t, 1, nil)
	c, err := s.stream(t, ps, "read", id, map[string]any{"partition": 0, "attempt": 1, "splits": []textfile.Split{{Path: path, Length: 26 * 4_000_000}}})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if a, err := s.read(t, ps, id, 0, nil); err != nil || !a.Accepted { // another attempt is not kept waiting, nor refused
		t.Fatalf("%+v, %v", a, err)
	}
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.log.String(), "the task has died"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the sidecar goes on reading for nobody")
		}
	}
}
