package shim

import (
	"log/slog"

	"deepdist/internal/auth"
	"deepdist/internal/frame"
	"deepdist/internal/storage"
	"deepdist/internal/textfile"
	"deepdist/sidecar/psclient"
)

// hello is the first frame of every stream.
type hello struct {
	frame.Greeting
	Op      string `json:"op"`
	Session struct {
		ID                string      `json:"id"`
		Address           string      `json:"address"`
		Token             auth.Secret `json:"token"`
		CertificateSHA256 string      `json:"certificate_sha256"`
	} `json:"session"`
	TrainingID    uint32 `json:"training_id"`
	SpoolDir      string `json:"spool_dir"`
	SpoolMaxBytes uint64 `json:"spool_max_bytes"`
	Partition     uint32 `json:"partition"`
	Attempt       int64  `json:"attempt"`
	Layout        string `json:"layout"`
	Slot          int    `json:"slot"`

	Hadoop storage.Hadoop   `json:"hadoop"`
	Splits []textfile.Split `json:"splits"`
}

func (h *hello) server() psclient.Server {
	return psclient.Server{
		SessionID: h.Session.ID, Address: h.Session.Address, Token: string(h.Session.Token), CertificateSHA256: h.Session.CertificateSHA256,
	}
}

func (h *hello) LogValue() slog.Value { // never the token
	return slog.GroupValue(slog.String("op", h.Op), slog.String("session", h.Session.ID), slog.Uint64("training", uint64(h.TrainingID)),
		slog.Uint64("partition", uint64(h.Partition)), slog.Int64("attempt", h.Attempt))
}
