package shim

import (
	"errors"
	"fmt"
	"io"

	"deepdist/internal/arrowguard"
	"deepdist/internal/frame"
	"deepdist/sidecar/spool"
	"deepdist/sidecar/worker"
)

// streamTotals is the END of an ingest stream.
type streamTotals struct {
	Rows    uint64 `json:"rows"`
	Batches uint64 `json:"batches"`
	worker.Cut
}

// ingested answers it.
type ingested struct {
	Accepted bool `json:"accepted"`
	spool.Totals
}

// ingest spools one partition that the task streams: batches → rows → tokens → spool, then END, whose totals must agree.
func (s *Server) ingest(c *frame.Conn, h *hello) error {
	layout, err := arrowguard.ParseLayout(h.Layout)
	if err != nil {
		return err
	}
	guard, err := arrowguard.New(layout)
	if err != nil {
		return err
	}
	defer guard.Close()
	return s.spool(c, h, func(w *worker.Worker, in *worker.Ingest) (worker.Cut, error) {
		total, err := spoolBatches(c, w, guard, layout, in)
		if err != nil {
			return worker.Cut{}, err
		}
		if total.Rows != in.Rows() {
			return worker.Cut{}, frame.Errorf(frame.Lost, "the stream ended with %d rows, %d have arrived: the attempt counts for nothing", total.Rows, in.Rows())
		}
		if total.Cut.Extra > total.Rows || total.Cut.Rows > total.Rows-total.Cut.Extra {
			return worker.Cut{}, frame.Errorf(frame.Protocol, "END tells of %d rows that were cut, in %d pieces more, but only %d rows and pieces have come: "+
				"cut_rows and extra_rows must fit into rows", total.Cut.Rows, total.Cut.Extra, total.Rows)
		}
		return total.Cut, nil
	})
}

// spool is what every ingest begins and ends with: the session, the attempt, and its commit once fill has spooled all rows.
func (s *Server) spool(c *frame.Conn, h *hello, fill func(*worker.Worker, *worker.Ingest) (worker.Cut, error)) (err error) {
	w, err := s.sessions.enter(s.ctx, h.server())
	if err != nil {
		return err
	}
	in, err := w.Ingest(h.TrainingID, h.Partition, h.Attempt, h.SpoolDir, h.SpoolMaxBytes)
	if err != nil {
		return err
	}
	filled := false
	defer func() {
		if !filled {
			in.Abort()
		}
		if err != nil {
			err = fmt.Errorf("partition %d: %w", h.Partition, err)
		}
	}()
	if err := c.WriteJSON(frame.OK, newWelcome(w.ID())); err != nil {
		return err
	}
	cut, err := fill(w, in)
	if err != nil {
		return err
	}
	filled = true
	totals, accepted, err := in.Commit(s.ctx, cut)
	if err != nil {
		return err
	}
	s.log.Debug("ingested", "hello", h, "accepted", accepted, "words", totals.Words)
	return c.WriteJSON(frame.OK, ingested{Accepted: accepted, Totals: totals})
}

// spoolBatches reads batches up to END, whose count of batches must agree.
func spoolBatches(c *frame.Conn, w *worker.Worker, guard *arrowguard.Guard, layout arrowguard.Layout, in *worker.Ingest) (streamTotals, error) {
	var end streamTotals
	for batches := uint64(0); ; batches++ {
		f, err := c.Read()
		switch {
		case w.Err() != nil:
			return end, w.Err()
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return end, frame.Errorf(frame.Lost, "the stream ended without END: the task has died")
		case err != nil:
			return end, err
		case f.File != nil:
			f.File.Close()
			return end, frame.Errorf(frame.Protocol, "a descriptor in an ingest stream")
		}
		switch f.Kind {
		case frame.Batch:
			rows, err := guard.Decode(f.Body, f.Rows, in.Rows())
			if err != nil {
				return end, err
			}
			if err := spoolRows(rows, layout, in); err != nil {
				return end, err
			}
		case frame.End:
			if err := f.Into(&end); err != nil {
				return end, err
			}
			if end.Batches != batches {
				return end, frame.Errorf(frame.Lost, "the stream ended with %d batches, %d have arrived: the attempt counts for nothing", end.Batches, batches)
			}
			return end, nil
		default:
			return end, f.AsError()
		}
	}
}

func spoolRows(rows *arrowguard.Rows, layout arrowguard.Layout, in *worker.Ingest) error {
	if layout == arrowguard.Lines {
		for i := range rows.Len() {
			if err := in.Line(rows.Line(i)); err != nil {
				return err
			}
		}
		return nil
	}
	for i := range rows.Len() {
		first, end := rows.List(i)
		for j := first; j < end; j++ {
			if err := in.Token(rows.Text(j)); err != nil {
				return err
			}
		}
		if err := in.EndRow(); err != nil {
			return err
		}
	}
	return nil
}
