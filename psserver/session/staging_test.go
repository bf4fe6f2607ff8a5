package session

import (
	"context"
	"log/slog"
	"testing"

	"deepdist/internal/version"
	"deepdist/psserver/cursor"
	"deepdist/psserver/vocabulary"
)

const staged = 3 << 20

// opened is a session with a training of one partition and one epoch.
func opened(t *testing.T) (s *Session, training uint32) {
	t.Helper()
	s = New(Config{Log: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() { _ = s.Close() })
	return s, open(t, s)
}

func open(t *testing.T, s *Session) uint32 {
	t.Helper()
	id, err := s.OpenWords(OpenWords{Partitions: 1, Settings: Word2Vec{VectorSize: 4, Window: 5, Negative: 5, Alpha: .025, Epochs: 1, Sg: true}})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// stage takes memory for a push and gives it back; what is kept then is the answer.
func (s *Session) stage() int {
	_, giveBack := s.Staging(staged)
	giveBack()
	return s.staging.Bytes()
}

func TestMemoryOfPushesIsKeptUntilTheLastOne(t *testing.T) {
	s, training := opened(t)
	worker, err := s.Join(Newcomer{Protocol: version.Protocol, Build: version.Build, SessionID: s.ID})
	if err != nil {
		t.Fatal(err)
	}
	words := []vocabulary.Entry{{Word: "a", Count: 5}, {Word: "b", Count: 5}}
	if _, err := s.Commit(worker, training, 0, vocabulary.Partition{Rows: 1, Records: 1, Words: 10, Distinct: 2}, words); err != nil {
		t.Fatal(err)
	}
	if _, err := s.SettleVocabulary(training); err != nil {
		t.Fatal(err)
	}
	if kept := s.stage(); kept != staged {
		t.Errorf("during the training %d bytes are kept", kept)
	}
	last := cursor.Move{To: 1, Words: 10, Hash: 7, Last: true}
	outcome, err := s.Push(context.Background(), &Push{ID: "1", WorkerID: worker, TrainingID: training, Moves: []cursor.Move{last}})
	if err != nil || outcome.Kind != Applied {
		t.Fatalf("%+v, %v", outcome, err)
	}
	if kept := s.staging.Bytes(); kept != 0 {
		t.Errorf("after the last push %d bytes are kept", kept)
	}
	if kept := s.stage(); kept != 0 {
		t.Errorf("a late push leaves %d bytes", kept)
	}
	open(t, s)
	if kept := s.stage(); kept != staged {
		t.Errorf("during the next training %d bytes are kept", kept)
	}
}

func TestMemoryOfPushesGoesWithAClosedTraining(t *testing.T) {
	s, training := opened(t)
	if kept := s.stage(); kept != staged {
		t.Errorf("during the training %d bytes are kept", kept)
	}
	if err := s.CloseTraining(training, "stopped"); err != nil {
		t.Fatal(err)
	}
	if kept := s.staging.Bytes(); kept != 0 {
		t.Errorf("after it %d bytes are kept", kept)
	}
}

func TestMemoryIsReadyForTheOnlyWorkersPushesIfTheyAreWhole(t *testing.T) {
	const dim, size = 1 << 16, 20
	const all = 2 * 4 * dim * size
	vocabularyOf := func(count uint64) (words []vocabulary.Entry) {
		for i := range size {
			words = append(words, vocabulary.Entry{Word: string(rune('a' + i)), Count: count})
		}
		return words
	}
	for name, c := range map[string]struct {
		budget int64
		given  []vocabulary.Entry
		first  []vocabulary.Entry // what one worker has
		other  []vocabulary.Entry // and another one
		want   int
	}{
		"one has all text":                {256 << 20, nil, vocabularyOf(5), nil, all},
		"it fits in":                      {all, nil, vocabularyOf(5), nil, all},
		"it doesn't":                      {all - 1, nil, vocabularyOf(5), nil, 0},
		"two have text":                   {256 << 20, nil, vocabularyOf(5), vocabularyOf(1), 0},
		"fewer words than there are rows": {256 << 20, vocabularyOf(1), vocabularyOf(5)[:3], nil, 0},
	} {
		s := New(Config{Log: slog.New(slog.DiscardHandler), Budget: c.budget})
		training, err := s.OpenWords(OpenWords{Partitions: 2, Given: c.given, Settings: Word2Vec{VectorSize: dim, Window: 5, Negative: 5, Alpha: .025, Epochs: 1, Sg: true}})
		if err != nil {
			t.Fatal(err)
		}
		for partition, words := range [][]vocabulary.Entry{c.first, c.other} {
			worker, err := s.Join(Newcomer{Protocol: version.Protocol, Build: version.Build, SessionID: s.ID})
			if err != nil {
				t.Fatal(err)
			}
			p := vocabulary.Partition{Distinct: uint64(len(words))}
			for _, w := range words {
				p.Rows, p.Records, p.Words = 1, 1, p.Words+w.Count
			}
			if _, err := s.Commit(worker, training, uint32(partition), p, words); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.SettleVocabulary(training); err != nil {
			t.Fatal(err)
		}
		s.preparing.Wait()
		if got := s.staging.Bytes(); got != c.want {
			t.Errorf("%s: %d bytes are ready, not %d", name, got, c.want)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestASessionEndsAfterTheMemoryThatIsBeingMadeReady(t *testing.T) {
	s, _ := opened(t)
	ready := false
	s.preparing.Go(func() {
		s.staging.Prepare(64 << 20)
		ready = true
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if left := s.staging.Bytes(); !ready || left != 0 {
		t.Errorf("ready %v, %d bytes are left", ready, left)
	}
}
