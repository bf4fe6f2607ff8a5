package control

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"deepdist/internal/bundle"
	"deepdist/internal/frame"
	"deepdist/psserver/session"
)

// past is a deadline that has long gone.
var past = time.Unix(1, 0)

// op answers one call: its request, with the descriptor that came along, or nil. The file that it returns is closed by the caller.
type op func(ctx context.Context, s *session.Session, request []byte, file *os.File) (reply any, answer *os.File, err error)

// ops are the calls of proto/README.md, by name.
var ops = map[string]op{
	"define_tensor":     defineTensor,
	"plan_splits":       planSplits,
	"open_training":     openTraining,
	"ingest_status":     ofTraining(func(s *session.Session, id uint32) (any, error) { return s.IngestStatus(id) }),
	"settle_vocabulary": ofTraining(func(s *session.Session, id uint32) (any, error) { return s.SettleVocabulary(id) }),
	"training_status":   ofTraining(func(s *session.Session, id uint32) (any, error) { return s.TrainingStatus(id) }),
	"watch":             watch,
	"next_update":       nextUpdate,
	"update_applied":    updateApplied,
	"update_failed":     updateFailed,
	"reopen":            reopen,
	"fetch":             fetch,
	"fetch_vocabulary":  fetchVocabulary,
	"most_similar":      mostSimilar,
	"close_training":    closeTraining,
	"stop": func(context.Context, *session.Session, []byte, *os.File) (any, *os.File, error) {
		return empty{}, nil, nil
	},
}

type empty struct{}

// maxWait bounds how long a call may be asked to wait.
const maxWait = time.Minute

// read decodes a request. Unknown fields are left alone: a newer driver may say more than this server knows.
func read[T any](request []byte) (T, error) {
	var v T
	decoder := json.NewDecoder(bytes.NewReader(request))
	if err := decoder.Decode(&v); err != nil {
		return v, frame.Errorf(frame.BadInput, "read request: %w", err)
	}
	return v, nil
}

// telling is an op that has no answer but that it was done.
func telling[T any](do func(*session.Session, T) error) op {
	return func(_ context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
		r, err := read[T](request)
		if err != nil {
			return nil, nil, err
		}
		return empty{}, nil, do(s, r)
	}
}

// ofTraining is an op that asks about one training.
func ofTraining(ask func(*session.Session, uint32) (any, error)) op {
	return func(_ context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
		r, err := read[struct {
			TrainingID uint32 `json:"training_id"`
		}](request)
		if err != nil {
			return nil, nil, err
		}
		reply, err := ask(s, r.TrainingID)
		return reply, nil, err
	}
}

func defineTensor(_ context.Context, s *session.Session, request []byte, file *os.File) (any, *os.File, error) {
	r, err := read[struct {
		Name  string  `json:"name"`
		DType string  `json:"dtype"`
		Shape []int64 `json:"shape"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	return empty{}, nil, s.DefineTensor(r.Name, r.DType, r.Shape, file)
}

func watch(ctx context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		WaitMS int64 `json:"wait_ms"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := waiting(ctx, r.WaitMS)
	defer cancel()
	return s.Watch(ctx), nil, nil
}

func waiting(ctx context.Context, ms int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, min(maxWait, time.Duration(max(0, min(ms, maxWait.Milliseconds())))*time.Millisecond))
}

func nextUpdate(ctx context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		TrainingID uint32 `json:"training_id"`
		WaitMS     int64  `json:"wait_ms"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := waiting(ctx, r.WaitMS)
	defer cancel()
	u, err := s.NextUpdate(ctx, r.TrainingID)
	if err != nil {
		return nil, nil, err
	}
	reply := struct {
		UpdateID  uint64 `json:"update_id"`
		Partition uint32 `json:"partition"`
		Version   uint64 `json:"version"`
		bundle.Header
	}{UpdateID: u.ID, Partition: u.Partition, Version: u.Version, Header: bundle.Header{Tensors: []bundle.TensorHeader{}}}
	if u.ID == 0 {
		return reply, nil, nil
	}
	file, header, err := bundle.Write(u.Tensors, u.Numbers)
	if err != nil {
		// The update is out and can't be delivered: without this the driver would never hear of it, nor of any other.
		reason := fmt.Sprintf("update of partition %d could not be handed to the driver: %v", u.Partition, err)
		s.UpdateFailed(u.ID, reason)
		return nil, nil, frame.Errorf(frame.Internal, "%s", reason)
	}
	reply.Header = header
	return reply, file, nil
}

func updateApplied(_ context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		UpdateID uint64             `json:"update_id"`
		Numbers  map[string]float64 `json:"numbers"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	version, err := s.UpdateApplied(r.UpdateID, r.Numbers)
	return struct {
		Version uint64 `json:"version"`
	}{version}, nil, err
}

var updateFailed = telling(func(s *session.Session, r struct {
	UpdateID uint64 `json:"update_id"`
	Reason   string `json:"reason"`
}) error {
	return s.UpdateFailed(r.UpdateID, r.Reason)
})

var reopen = telling(func(s *session.Session, r struct {
	TrainingID uint32   `json:"training_id"`
	Partitions []uint32 `json:"partitions"`
}) error {
	return s.Reopen(r.TrainingID, r.Partitions)
})

var closeTraining = telling(func(s *session.Session, r struct {
	TrainingID uint32 `json:"training_id"`
	Reason     string `json:"reason"`
}) error {
	return s.CloseTraining(r.TrainingID, r.Reason)
})

func mostSimilar(_ context.Context, s *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		Word   string    `json:"word"`
		Vector []float32 `json:"vector"`
		TopN   *int      `json:"topn"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	topn := 10
	if r.TopN != nil {
		topn = *r.TopN
	}
	if r.Vector != nil {
		list, err := s.Nearest(r.Vector, topn)
		return list, nil, err
	}
	list, err := s.MostSimilar(r.Word, topn)
	return list, nil, err
}
