// Package figures says what a person can see of a run. The driver's progress bar (`watch`), the page and `/metrics` show the same
// struct, so they can't disagree; its JSON names are those of proto/README.md.
package figures

import "context"

// Phases of a session, in the order in which a training goes through them.
const (
	PhaseIdle       = "idle"       // no training has been opened, or the last one has been closed
	PhaseIngest     = "ingest"     // partitions are streamed and spooled; their counts come in
	PhaseVocabulary = "vocabulary" // the vocabulary is being settled
	PhaseTraining   = "training"   // slices or gradients come in
	PhaseDone       = "done"       // every partition of every epoch is in the model
	PhaseFailed     = "failed"     // the training was closed by an error, which Error tells
)

// Figures is one look at the run.
type Figures struct {
	Phase          string   `json:"phase"`
	TrainingID     uint32   `json:"training_id"`
	Kind           string   `json:"kind"`  // "word2vec" or "model"
	Epoch          uint32   `json:"epoch"` // the oldest that is not done, from 0
	Epochs         uint32   `json:"epochs"`
	Words          uint64   `json:"words"` // applied, of all epochs
	TotalWords     uint64   `json:"total_words"`
	WordsPerSecond float64  `json:"words_per_second"` // over the last seconds
	Alpha          float32  `json:"alpha"`
	Loss           float64  `json:"loss"` // mean over the last pushes
	Pushes         uint64   `json:"pushes"`
	Updates        uint64   `json:"updates"` // gradients applied (any model), or slices that changed a vector
	Version        uint64   `json:"version"`
	ETASeconds     float64  `json:"eta_seconds"` // 0: unknown
	UpdateWaiting  bool     `json:"update_waiting"`
	EpochsDone     []Epoch  `json:"epochs_done"`
	PartitionsDone int      `json:"partitions_done"`
	Partitions     int      `json:"partitions"`
	Passes         uint64   `json:"passes"`     // (epoch, partition) that have ended (word2vec)
	OwnPasses      uint64   `json:"own_passes"` // of those, the ones trained by the worker that ingested the partition first, from that spool
	Rows           uint64   `json:"rows"`       // ingested so far
	Records        uint64   `json:"records"`    // sentences in them
	IngestedWords  uint64   `json:"ingested_words"`
	VocabularySize int      `json:"vocabulary_size"`
	Moved          uint64   `json:"moved"`   // pushes that came too late: nothing was applied
	Refused        uint64   `json:"refused"` // pushes that could not be applied: not finite, wrong shape
	RSSBytes       uint64   `json:"rss_bytes"`
	Workers        []Worker `json:"workers"`
	Error          string   `json:"error"`
}

// Epoch is one pass over the data, when it is over.
type Epoch struct {
	Epoch          uint32  `json:"epoch"`
	Words          uint64  `json:"words"`
	Seconds        float64 `json:"seconds"`
	WordsPerSecond float64 `json:"words_per_second"`
	Alpha          float32 `json:"alpha"`      // at its end
	Loss           float64 `json:"loss"`       // mean
	LossPairs      uint64  `json:"loss_pairs"` // predictions that it is the mean of
	Pushes         uint64  `json:"pushes"`
}

// Worker is one sidecar.
type Worker struct {
	WorkerID       string  `json:"worker_id"`
	Host           string  `json:"host"`
	PID            int64   `json:"pid"`
	Kernel         string  `json:"kernel"`
	Threads        uint32  `json:"threads"`
	Words          uint64  `json:"words"`
	WordsPerSecond float64 `json:"words_per_second"`
	Pushes         uint64  `json:"pushes"`
	Staleness      float64 `json:"staleness"` // mean number of versions between pull and push, of the last pushes
	RSSBytes       uint64  `json:"rss_bytes"`
	ReplicaBytes   uint64  `json:"replica_bytes"`
	SpoolBytes     uint64  `json:"spool_bytes"`
	PulledBytes    uint64  `json:"pulled_bytes"` // of rows, that it was sent
	PushedBytes    uint64  `json:"pushed_bytes"` // of deltas, that were applied
	State          string  `json:"state"`        // "joined", "claiming", "training", "left"
}

// Neighbour is a word near another one, by the cosine of their vectors. In JSON it is the pair [word, cosine].
type Neighbour struct {
	Word   string
	Cosine float64
}

// Source is what a viewer needs of the session.
type Source interface {
	// Figures takes a look now.
	Figures() Figures
	// Wait blocks until there is something newer than what number seen stood for, or ctx is done; it returns the figures and the
	// number to wait on next. 0 is older than everything.
	Wait(ctx context.Context, seen uint64) (Figures, uint64)
	// MostSimilar lists the topn words nearest to word. It errs while there are no vectors, and for a word that has none.
	MostSimilar(word string, topn int) ([]Neighbour, error)
}
