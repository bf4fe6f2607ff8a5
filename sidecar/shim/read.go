package shim

import (
	"fmt"
	"io"

	"deepdist/internal/frame"
	"deepdist/internal/storage"
	"deepdist/internal/textfile"
	"deepdist/sidecar/worker"
)

// read spools one partition whose text lies in files: the task only names the splits, and waits.
func (s *Server) read(c *frame.Conn, h *hello) error {
	return s.spool(c, h, func(w *worker.Worker, in *worker.Ingest) (worker.Cut, error) {
		systems := storage.NewSystems(h.Hadoop)
		defer systems.Close()
		gone := s.whenGone(c)
		goOn := func() error {
			select {
			case <-gone:
				return frame.Errorf(frame.Lost, "the task has died")
			case <-w.Done():
				return w.Err()
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
func spoolSplit(systems *storage.Systems, split textfile.Split, in *worker.Ingest, goOn func() error) error {
	lines, err := textfile.Open(systems, split)
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
