package worker

import (
	"context"

	"deepdist/sidecar/psclient"
	"deepdist/sidecar/spool"
)

// Ingest is one attempt at a partition: rows go into its Writer; then Commit, or Abort.
type Ingest struct {
	*spool.Writer
	worker    *Worker
	training  *training
	partition uint32
	attempt   int64
}

// Ingest begins an attempt. Spools lie under dir, and those of the session take at most so many bytes (0: as many as the disk has).
func (w *Worker) Ingest(training, partition uint32, attempt int64, dir string, maxBytes uint64) (*Ingest, error) {
	t, err := w.training(training)
	if err != nil {
		return nil, err
	}
	root, err := w.spools(dir, maxBytes)
	if err != nil {
		return nil, err
	}
	writer, err := root.Create(training, partition, attempt)
	if err != nil {
		return nil, err
	}
	return &Ingest{Writer: writer, worker: w, training: t, partition: partition, attempt: attempt}, nil
}

// Cut tells what the task did to rows of the RDD that were too long for a batch: Rows of them came in Extra pieces more.
type Cut struct {
	Rows  uint64 `json:"cut_rows"`
	Extra uint64 `json:"extra_rows"`
}

// Commit seals the spool and hands the counts to the server. If another attempt was first, the spool is dropped and accepted is
// false: the partition is in any case ingested.
//
// The spool has its final name before the server hears of it: what the server has accepted, this worker has.
// The totals count rows and split sentences as the RDD has them.
func (i *Ingest) Commit(ctx context.Context, cut Cut) (totals spool.Totals, accepted bool, err error) {
	totals, err = i.Seal()
	if err != nil {
		i.Abort()
		return totals, false, err
	}
	totals.Rows -= min(cut.Extra, totals.Rows)
	totals.SplitSentences = max(cut.Rows, totals.SplitSentences-min(cut.Extra, totals.SplitSentences))
	words := counted{i.Words}
	partition, err := i.Writer.Commit()
	if err != nil {
		return totals, false, err
	}
	accepted, err = i.worker.client.Commit(ctx, psclient.Partition{
		TrainingID: i.training.id, Partition: i.partition, Attempt: i.attempt, Rows: totals.Rows, Records: totals.Records, Words: totals.Words,
		SplitSentences: totals.SplitSentences, SpoolBytes: totals.SpoolBytes, Distinct: totals.Distinct,
	}, words)
	if err != nil || !accepted || !i.training.keep(partition) {
		partition.Remove()
	}
	return totals, accepted, err
}

// counted is a dictionary as psclient wants words.
type counted struct{ *spool.Dictionary }

func (c counted) Count(number int) uint64 { return c.Counts[number] }
