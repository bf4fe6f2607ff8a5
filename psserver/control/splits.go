package control

import (
	"context"
	"os"

	"deepdist/internal/frame"
	"deepdist/internal/storage"
	"deepdist/internal/textfile"
	"deepdist/psserver/session"
)

// maxSplits keeps the answer within what a frame may have.
const maxSplits = 50_000

// planSplits finds the files that a path names and divides them among partitions. It is done here since the driver may have no client of HDFS.
func planSplits(_ context.Context, _ *session.Session, request []byte, _ *os.File) (any, *os.File, error) {
	r, err := read[struct {
		Path       string         `json:"path"`
		Hadoop     storage.Hadoop `json:"hadoop"`
		Partitions int            `json:"partitions"`
	}](request)
	if err != nil {
		return nil, nil, err
	}
	systems := storage.NewSystems(r.Hadoop)
	defer systems.Close()
	files, err := textfile.List(systems, r.Path)
	if err != nil {
		return nil, nil, err
	}
	if len(files)+r.Partitions > maxSplits {
		return nil, nil, frame.Errorf(frame.BadInput, "%s names %d files, to be cut for %d partitions: at most %d splits can be planned; join the files, or let Spark read them: "+
			"dd.train(sc.textFile(path))", r.Path, len(files), r.Partitions, maxSplits)
	}
	if err := textfile.Locate(systems, files); err != nil {
		return nil, nil, err
	}
	return struct {
		Partitions []textfile.Partition `json:"partitions"`
	}{textfile.Cut(files, r.Partitions)}, nil, nil
}
