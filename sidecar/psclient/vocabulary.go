package psclient

import (
	"context"
	"fmt"
	"io"
	"time"

	pb "deepdist/proto/deepdist/v1"
)

// Settings are those of native word2vec, in gensim's names, and in the order of word2vec.Settings, which they are converted to.
type Settings struct {
	VectorSize    int
	Window        int
	Sg            bool
	CbowMean      bool
	Hs            bool
	Negative      int
	Sample        float64
	NsExponent    float64
	Alpha         float32
	MinAlpha      float32
	Epochs        int
	Seed          uint64
	ShrinkWindows bool
	ComputeLoss   bool
}

// Vocabulary is the settled one of a training: word i has id i.
type Vocabulary struct {
	Settings   Settings
	TotalWords uint64 // raw in-vocabulary words of one epoch
	Counts     []uint64
	text       []byte
	ends       []int
}

// Len is the size of the vocabulary.
func (v *Vocabulary) Len() int { return len(v.ends) }

// Word is the word with this id.
func (v *Vocabulary) Word(id int) []byte {
	start := 0
	if id > 0 {
		start = v.ends[id-1]
	}
	return v.text[start:v.ends[id]]
}

// Vocabulary fetches the settled vocabulary.
func (c *Client) Vocabulary(ctx context.Context, training uint32) (v *Vocabulary, err error) {
	err = c.retry(ctx, "fetch vocabulary", 2*time.Minute, func(ctx context.Context) error {
		stream, err := c.api.Vocabulary(ctx, &pb.VocabularyRequest{WorkerId: c.worker, TrainingId: training})
		if err != nil {
			return err
		}
		v = &Vocabulary{}
		size := uint64(0)
		for first := true; ; first = false {
			message, err := stream.Recv()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			if first {
				v.Settings, v.TotalWords, size = settings(message.Settings), message.TotalWords, message.Size
			}
			if err := v.add(message.Counts); err != nil {
				return err
			}
		}
		if uint64(v.Len()) != size {
			return fmt.Errorf("vocabulary of %d words has %d", size, v.Len())
		}
		return nil
	})
	return v, err
}

func (v *Vocabulary) add(counts *pb.Counts) error {
	if counts == nil {
		return nil
	}
	if len(counts.Lengths) != len(counts.Counts) {
		return fmt.Errorf("vocabulary with %d words and %d counts", len(counts.Lengths), len(counts.Counts))
	}
	v.text = append(v.text, counts.Words...)
	end := 0
	if len(v.ends) > 0 {
		end = v.ends[len(v.ends)-1]
	}
	for _, n := range counts.Lengths {
		end += int(n)
		v.ends = append(v.ends, end)
	}
	if end != len(v.text) {
		return fmt.Errorf("vocabulary's words have %d bytes, their lengths say %d", len(v.text), end)
	}
	v.Counts = append(v.Counts, counts.Counts...)
	return nil
}

func settings(s *pb.Word2Vec) Settings {
	return Settings{
		VectorSize: int(s.GetVectorSize()), Window: int(s.GetWindow()), Negative: int(s.GetNegative()), Epochs: int(s.GetEpochs()),
		Sample: s.GetSample(), NsExponent: s.GetNsExponent(), Alpha: s.GetAlpha(), MinAlpha: s.GetMinAlpha(),
		Seed: s.GetSeed(), ShrinkWindows: s.GetShrinkWindows(),
		Sg: s.GetSg(), CbowMean: s.GetCbowMean(), Hs: s.GetHs(), ComputeLoss: s.GetComputeLoss(),
	}
}
