package control

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"unicode/utf8"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
	"deepdist/psserver/session"
	"deepdist/psserver/vocabulary"
)

// openRequest is everything that open_training may bring, for both kinds.
type openRequest struct {
	Kind       string             `json:"kind"`
	Partitions uint32             `json:"partitions"`
	Numbers    map[string]float64 `json:"numbers"`

	// word2vec
	Settings      session.Word2Vec `json:"settings"`
	MinCount      uint64           `json:"min_count"`
	MaxFinalVocab *uint64          `json:"max_final_vocab"`
	Continue      bool             `json:"continue"`
	bundleFields

	// model
	Descent    json.RawMessage `json:"descent"`
	MinUpdates *int            `json:"min_updates"`
	MaxUpdates *int            `json:"max_updates"`
}

// bundleFields are a bundle's own, without the numbers, which openRequest has already.
type bundleFields struct {
	Tensors []bundle.TensorHeader `json:"tensors"`
	Bytes   int64                 `json:"bytes"`
}

func openTraining(_ context.Context, s *session.Session, request []byte, file *os.File) (any, *os.File, error) {
	r, err := read[openRequest](request)
	if err != nil {
		return nil, nil, err
	}
	var id uint32
	switch r.Kind {
	case session.KindWord2Vec:
		id, err = openWords(s, r, file)
	case session.KindModel:
		id, err = openModel(s, r)
	default:
		err = frame.Errorf(frame.BadInput, "kind %q: there are %q and %q", r.Kind, session.KindWord2Vec, session.KindModel)
	}
	return struct {
		TrainingID uint32 `json:"training_id"`
	}{id}, nil, err
}

func openModel(s *session.Session, r openRequest) (uint32, error) {
	open := session.OpenModel{Partitions: r.Partitions, Numbers: r.Numbers}
	if r.MinUpdates != nil {
		open.MinUpdates = *r.MinUpdates
	}
	if r.MaxUpdates != nil {
		open.MaxUpdates = *r.MaxUpdates
	}
	var word string
	if json.Unmarshal(r.Descent, &word) == nil {
		if word != "callable" {
			return 0, frame.Errorf(frame.BadInput, `descent is "callable" or a rule with its parameters, not %q`, word)
		}
	} else {
		open.Rule = r.Descent
	}
	return s.OpenModel(open)
}

func openWords(s *session.Session, r openRequest, file *os.File) (uint32, error) {
	open := session.OpenWords{Partitions: r.Partitions, Settings: r.Settings, MinCount: r.MinCount, Continue: r.Continue}
	if r.MaxFinalVocab != nil {
		open.MaxFinalVocab = *r.MaxFinalVocab
	}
	if len(r.Tensors) > 0 {
		mapped, err := bundle.Map(file, bundle.Header{Tensors: r.Tensors, Bytes: r.Bytes})
		if err != nil {
			return 0, frame.Errorf(frame.BadInput, "vocabulary: %w", err)
		}
		defer mapped.Close()
		parts := map[string]*bundle.Tensor{}
		for i := range mapped.Tensors {
			parts[mapped.Tensors[i].Name] = &mapped.Tensors[i]
		}
		if open.Given, err = entriesOf(parts["words"], parts["lengths"], parts["counts"]); err != nil {
			return 0, frame.Errorf(frame.BadInput, "vocabulary: %w", err)
		}
		open.Start = parts
	}
	return s.OpenWords(open)
}

// entriesOf takes a vocabulary apart: the words lie one after another.
func entriesOf(words, lengths, counts *bundle.Tensor) ([]vocabulary.Entry, error) {
	for _, part := range []struct {
		t           *bundle.Tensor
		name, dtype string
	}{{words, "words", "uint8"}, {lengths, "lengths", "uint32"}, {counts, "counts", "uint64"}} {
		if part.t == nil || part.t.DType != part.dtype || len(part.t.Shape) != 1 || part.t.Keys != nil {
			return nil, fmt.Errorf("%s must be a list of %s", part.name, part.dtype)
		}
	}
	text, size, number := string(words.Data), bundle.View[uint32](lengths.Data), bundle.View[uint64](counts.Data)
	if len(size) != len(number) {
		return nil, fmt.Errorf("%d lengths and %d counts", len(size), len(number))
	}
	entries := make([]vocabulary.Entry, len(size))
	for i, n := range size {
		if uint64(n) > uint64(len(text)) {
			return nil, fmt.Errorf("word %d is longer than what is left of the words", i)
		}
		entries[i] = vocabulary.Entry{Word: text[:n], Count: number[i]}
		if text = text[n:]; !utf8.ValidString(entries[i].Word) {
			return nil, fmt.Errorf("word %d is not UTF-8", i)
		}
	}
	if text != "" {
		return nil, fmt.Errorf("%d bytes are left behind the last word", len(text))
	}
	return entries, nil
}

// fetch hands all tensors out as they are now.
func fetch(_ context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		TrainingID uint32 `json:"training_id"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	snapshot, err := s.Snapshot(r.TrainingID)
	if err != nil {
		return nil, nil, err
	}
	file, header, err := snapshot.Seal()
	return header, file, err
}

// fetchVocabulary hands the words out in id order.
func fetchVocabulary(_ context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		TrainingID uint32 `json:"training_id"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	entries, err := s.Words(r.TrainingID)
	if err != nil {
		return nil, nil, err
	}
	var text []byte
	lengths, counts := make([]uint32, len(entries)), make([]uint64, len(entries))
	for i, e := range entries {
		text = append(text, e.Word...)
		lengths[i], counts[i] = uint32(len(e.Word)), e.Count
	}
	file, header, err := bundle.Write([]bundle.Tensor{
		{Name: "words", DType: "uint8", Shape: []int{len(text)}, Data: text},
		{Name: "lengths", DType: "uint32", Shape: []int{len(lengths)}, Data: bundle.Bytes(lengths)},
		{Name: "counts", DType: "uint64", Shape: []int{len(counts)}, Data: bundle.Bytes(counts)},
	}, nil)
	return header, file, err
}
