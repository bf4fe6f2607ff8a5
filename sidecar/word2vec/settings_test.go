package word2vec

import (
	"math"
	"strings"
	"testing"
)

func TestSettingsThatCannotTrainAreRefusedByName(t *testing.T) {
	for name, spoil := range map[string]func(*Settings){
		"vector_size is 0":       func(s *Settings) { s.VectorSize = 0 },
		"vector_size is -5":      func(s *Settings) { s.VectorSize = -5 },
		"vector_size is 1000000": func(s *Settings) { s.VectorSize = 1_000_000 },
		"window is 0":            func(s *Settings) { s.Window = 0 },
		"negative is 0 and so is hs: nothing would be trained; set negative=5": func(s *Settings) { s.Negative = 0 },
		"negative is -1":      func(s *Settings) { s.Negative = -1 },
		"sample is -1":        func(s *Settings) { s.Sample = -1 },
		"sample is NaN":       func(s *Settings) { s.Sample = math.NaN() },
		"ns_exponent is +Inf": func(s *Settings) { s.NsExponent = math.Inf(1) },
		"alpha is 0":          func(s *Settings) { s.Alpha = 0 },
		"alpha is NaN":        func(s *Settings) { s.Alpha = float32(math.NaN()) },
		"min_alpha is 1":      func(s *Settings) { s.MinAlpha = 1 },
		"epochs is 0":         func(s *Settings) { s.Epochs = 0 },
	} {
		s := defaults()
		spoil(&s)
		if _, err := New(s, []uint64{1}); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestAnEmptyVocabularyIsRefused(t *testing.T) {
	for _, counts := range [][]uint64{nil, {0, 0}} {
		if _, err := New(defaults(), counts); err == nil {
			t.Errorf("counts %v were accepted", counts)
		}
	}
}
