package service_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"deepdist/internal/auth"
	"deepdist/internal/version"
	pb "deepdist/proto/deepdist/v1"
	"deepdist/psserver/session"
)

func TestWithoutThisSessionsTokenNoMethodIsServedKnownOrNot(t *testing.T) {
	s, other := serve(t, session.Config{}), serve(t, session.Config{})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	methods := []string{"/deepdist.v1.ParameterServer/Shutdown", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"}
	for _, m := range pb.ParameterServer_ServiceDesc.Methods {
		methods = append(methods, "/deepdist.v1.ParameterServer/"+m.MethodName)
	}
	for _, m := range pb.ParameterServer_ServiceDesc.Streams {
		methods = append(methods, "/deepdist.v1.ParameterServer/"+m.StreamName)
	}
	for name, token := range map[string]string{"no": "", "another session's": string(other.creds.Token)} {
		options, err := auth.DialOptions(token, s.creds.CertSHA256)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := grpc.NewClient(s.address, options...)
		if err != nil {
			t.Fatal(err)
		}
		for _, method := range methods {
			if err := conn.Invoke(ctx, method, &pb.JoinRequest{}, &pb.JoinResponse{}); status.Code(err) != codes.Unauthenticated {
				t.Errorf("%s token, %s: %v", name, method, err)
			}
		}
		conn.Close()
	}
	plain, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := pb.NewParameterServerClient(plain).Join(ctx, &pb.JoinRequest{}); err == nil {
		t.Error("served without TLS")
	}
}

func TestAMessageThatIsTooLargeIsRefusedAndTheServerGoesOn(t *testing.T) {
	s := serve(t, session.Config{})
	p := s.join(t)
	_, err := p.api.Join(p.ctx, &pb.JoinRequest{Build: strings.Repeat("x", 17<<20)})
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("17 MiB: %v", err)
	}
	_, err = p.api.Join(p.ctx, &pb.JoinRequest{Protocol: version.Protocol, Build: version.Build, SessionId: s.ID, Host: strings.Repeat("x", 1<<20)})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a host of 1 MiB: %v", err)
	}
	if _, err := p.api.Report(p.ctx, &pb.ReportRequest{WorkerId: p.id}); err != nil {
		t.Error(err)
	}
}
