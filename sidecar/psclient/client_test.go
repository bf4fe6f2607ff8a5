package psclient

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deepdist/internal/frame"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nobody is an address where nothing listens.
func nobody(t *testing.T) Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return Server{SessionID: "s", Address: l.Addr().String(), Token: strings.Repeat("1", 64), CertificateSHA256: strings.Repeat("2", 64)}
}

func TestAServerThatIsGoneIsGivenUpWithItsAddress(t *testing.T) {
	server := nobody(t)
	c, err := Dial(server, &Tally{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = c.Join(context.Background(), "generic")
	if frame.CodeOf(err) != frame.Lost || !strings.Contains(err.Error(), server.Address) {
		t.Errorf("got %s %v, want lost, naming %s", frame.CodeOf(err), err, server.Address)
	}
}

func TestACallEndsWithItsContextAndItsReason(t *testing.T) {
	c, err := Dial(nobody(t), &Tally{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	reason := errors.New("the training is over")
	ctx, cancel := context.WithCancelCause(context.Background())
	time.AfterFunc(50*time.Millisecond, func() { cancel(reason) })
	if err := c.Join(ctx, "generic"); !errors.Is(err, reason) {
		t.Errorf("got %v, want the reason", err)
	}
}

func TestASecretThatIsNoneIsRefusedBeforeTheCall(t *testing.T) {
	if _, err := Dial(Server{Address: "127.0.0.1:1", Token: "t", CertificateSHA256: "not a hash"}, &Tally{}); err == nil {
		t.Error("a certificate's hash that is none was taken")
	}
}
