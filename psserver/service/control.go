package service

import (
	"errors"
	"io"

	pb "deepdist/proto/deepdist/v1"
)

// Control carries a driver's bytes to whoever answers drivers, and the answers back.
func (s *Service) Control(stream pb.ParameterServer_ControlServer) error {
	driver, err := s.tunnel()
	if err != nil {
		return statusOf(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- toDriver(stream, driver)
		driver.CloseWrite() // what has been asked is still answered
	}()
	_, err = io.Copy(sender{stream}, driver)
	driver.Close()
	if err != nil {
		return statusOf(err)
	}
	// The answers have ended. The other direction ends with the stream, when this returns: nobody needs to wait for it.
	select {
	case err := <-done:
		return statusOf(err)
	default:
		return nil
	}
}

func toDriver(stream pb.ParameterServer_ControlServer, driver io.Writer) error {
	for {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(message.Bytes) > maxChunk {
			return invalid("%d bytes in one message", len(message.Bytes))
		}
		if _, err := driver.Write(message.Bytes); err != nil {
			return err
		}
	}
}

// sender makes messages of what is written.
type sender struct {
	stream pb.ParameterServer_ControlServer
}

func (s sender) Write(p []byte) (int, error) {
	return len(p), s.stream.Send(&pb.ControlBytes{Bytes: p}) // encoded before it returns
}
