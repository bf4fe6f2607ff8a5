package shim

import (
	"fmt"
	"io"
	"time"

	"deepdist/internal/frame"
	"deepdist/internal/textfile"
	"deepdist/sidecar/worker"
)

// reading is what the task hears about once a second, lest it take the silence for death.
type reading struct {
	Rows uint64 `json:"rows"`
}

// read spools one partition whose text lies in files: the task only names the splits, and waits.
func (s *Server) read(c *frame.Conn, h *hello) error {
	return s.spool(c, h, func(w *worker.Worker, in *worker.Ingest) (worker.Cut, error) {
		systems := textfile.NewSystems(h.User)
		defer systems.Close()
		gone := s.whenGone(c)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		goOn := func() error {
			select {
			case <-gone:
				return frame.Errorf(frame.Lost, "the task has died")
			case <-w.Done():
				return w.Err()
			case <-ticker.C:
				return c.WriteJSON(frame.Event, reading{Rows: in.Rows()})
			default:
				return nil
			}
		}
		for _, split := range h.Splits {
			if err := spoolSplit(systems, split, in, goOn); err != nil {
				return worker.Cut{}, err
			}
		}
		return worker.Cut{}, nil
	})
}

// spoolSplit spools the lines of one split, as long as goOn has nothing against it.
func spoolSplit(systems *textfile.Systems, split textfile.Split, in *worker.Ingest, goOn func() error) error {
	lines, err := systems.Open(split)
	if err != nil {
		return err
	}
	defer lines.Close()
	for {
		text, ends, err := lines.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := in.Text(text); err != nil {
			return fmt.Errorf("%s: %w", split.Path, err)
		}
		if ends {
			err = in.EndRow()
		}
		if err == nil {
			err = goOn()
		}
		if err != nil {
			return err
		}
	}
}
