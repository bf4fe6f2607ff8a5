package word2vec

import (
	"errors"
	"fmt"
	"math"
)

// Settings are the parameters of a training, in gensim's names and meanings.
type Settings struct {
	VectorSize    int     // length of a vector
	Window        int     // largest distance between a center and its context
	Sg            bool    // skip-gram; else CBOW
	CbowMean      bool    // CBOW's hidden vector is the mean of the context words' vectors; else their sum
	Hs            bool    // hierarchical softmax
	Negative      int     // negatives per window; 0: no negative sampling
	Sample        float64 // share of the text above which a word's occurrences are thinned out; 0: never
	NsExponent    float64 // negatives are drawn ∝ count^NsExponent
	Alpha         float32 // learning rate at the start
	MinAlpha      float32 // learning rate at the end
	Epochs        int
	Seed          uint64
	ShrinkWindows bool // radius uniform in 1..Window; else always Window
	ComputeLoss   bool // note the loss of every record; else of one in 16
}

// Check says what is wrong with the settings, naming the setting to change.
func (s Settings) Check() error {
	switch {
	case s.VectorSize < 1:
		return fmt.Errorf("vector_size is %d: it must be at least 1", s.VectorSize)
	case s.VectorSize > maxVectorSize:
		return fmt.Errorf("vector_size is %d: it must be at most %d", s.VectorSize, maxVectorSize)
	case s.Window < 1:
		return fmt.Errorf("window is %d: it must be at least 1", s.Window)
	case s.Negative < 0:
		return fmt.Errorf("negative is %d: it must be at least 0", s.Negative)
	case s.Negative == 0 && !s.Hs:
		return errors.New("negative is 0 and so is hs: nothing would be trained; set negative=5 (negative sampling), hs=1 (hierarchical softmax), or both")
	case !(s.Sample >= 0):
		return fmt.Errorf("sample is %v: it must be 0 (keep every word) or positive", s.Sample)
	case math.IsNaN(s.NsExponent) || math.IsInf(s.NsExponent, 0):
		return fmt.Errorf("ns_exponent is %v: it must be finite", s.NsExponent)
	case !(s.Alpha > 0) || math.IsInf(float64(s.Alpha), 0):
		return fmt.Errorf("alpha is %v: it must be positive", s.Alpha)
	case !(s.MinAlpha >= 0) || s.MinAlpha > s.Alpha:
		return fmt.Errorf("min_alpha is %v: it must lie between 0 and alpha (%v)", s.MinAlpha, s.Alpha)
	case s.Epochs < 1:
		return fmt.Errorf("epochs is %d: it must be at least 1", s.Epochs)
	}
	return nil
}

// maxVectorSize bounds a single row's step in the kernel (see stepFloats); nobody is known to have wanted more.
const maxVectorSize = 1 << 16
