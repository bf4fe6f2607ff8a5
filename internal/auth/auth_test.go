package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve runs a real server with one known service (gRPC's own health check) on loopback.
func serve(t *testing.T) (Credentials, string) {
	t.Helper()
	creds, options, err := NewServer()
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(options...)
	healthpb.RegisterHealthServer(server, health.NewServer())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	t.Cleanup(func() { server.Stop(); <-done })
	return creds, listener.Addr().String()
}

// call invokes any method, known or not, unary or streaming.
func call(t *testing.T, address, method string, stream bool, options ...grpc.DialOption) error {
	t.Helper()
	conn, err := grpc.NewClient(address, options...)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if !stream {
		return conn.Invoke(ctx, method, &healthpb.HealthCheckRequest{}, &healthpb.HealthCheckResponse{})
	}
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	s.SendMsg(&healthpb.HealthCheckRequest{})
	s.CloseSend()
	return s.RecvMsg(&healthpb.HealthCheckResponse{})
}

const (
	known   = "/grpc.health.v1.Health/Check"
	watch   = "/grpc.health.v1.Health/Watch"
	unknown = "/deepdist.v1.Nothing/Here"
)

func TestTheTokenOpensKnownMethodsOnly(t *testing.T) {
	creds, address := serve(t)
	options, err := DialOptions(string(creds.Token), creds.CertSHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t, address, known, false, options...); err != nil {
		t.Error(err)
	}
	if err := call(t, address, watch, true, options...); err != nil {
		t.Error(err)
	}
	if err := call(t, address, unknown, false, options...); status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
}

func TestWithoutTheRightTokenEveryMethodIsDenied(t *testing.T) {
	creds, address := serve(t)
	for name, token := range map[string]string{"empty": "", "wrong": strings.Repeat("0", 64), "shorter": string(creds.Token)[:63]} {
		options, err := DialOptions(token, creds.CertSHA256)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range []string{known, watch, unknown} {
			for _, stream := range []bool{false, true} {
				if err := call(t, address, method, stream, options...); status.Code(err) != codes.Unauthenticated {
					t.Errorf("%s token, %s, stream %v: %v", name, method, stream, err)
				}
			}
		}
	}
	options, _ := DialOptions("x", creds.CertSHA256)
	if err := call(t, address, known, false, options[0]); status.Code(err) != codes.Unauthenticated {
		t.Errorf("no token at all: %v", err)
	}
}

func TestAnotherCertificateIsRefusedBeforeTheTokenIsSent(t *testing.T) {
	creds, address := serve(t)
	options, err := DialOptions(string(creds.Token), strings.Repeat("ab", 32))
	if err != nil {
		t.Fatal(err)
	}
	if err := call(t, address, known, false, options...); err == nil || !strings.Contains(err.Error(), ErrWrongCertificate.Error()) {
		t.Errorf("got %v", err)
	}
	if _, err := DialOptions("x", "abc"); err == nil {
		t.Error("a hash of three digits was taken")
	}
}

func TestWithoutTLSNobodyIsServed(t *testing.T) {
	creds, address := serve(t)
	if err := call(t, address, known, false, grpc.WithTransportCredentials(insecure.NewCredentials())); err == nil {
		t.Error("served without TLS")
	}
	_, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithPerRPCCredentials(bearer(creds.Token)))
	if err == nil {
		t.Error("the token may leave without TLS")
	}
}

func TestSecretsDoNotPrintThemselvesButReachTheDriver(t *testing.T) {
	creds, _, err := NewServer()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("serving", "token", creds.Token, "credentials", creds)
	for _, text := range []string{log.String(), fmt.Sprint(creds), fmt.Sprintf("%+v %#v %v %s %q", creds, creds, creds.Token, creds.Token, creds.Token)} {
		if strings.Contains(text, string(creds.Token)) {
			t.Errorf("the token shows in %s", text)
		}
	}
	if line, _ := json.Marshal(creds); !strings.Contains(string(line), string(creds.Token)) {
		t.Error("the ready line lacks the token")
	}
}
