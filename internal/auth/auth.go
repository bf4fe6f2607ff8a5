// Package auth decides who may talk to a parameter server. A session has two values, made when psserver starts and gone when it
// ends: a random token of 256 bits, which every call must carry, and a self-signed certificate, whose SHA-256 the caller knows
// beforehand. The token proves the worker to the server; the pinned hash proves the server to the worker, so nobody in between
// can take the token. There is no authority and no name to check: both values reach the workers inside Spark's closures.
//
// The default is to deny. The check runs three times, each time before something that an unknown caller should not reach: when a
// stream's headers arrive (nothing of its body has been decoded), and in the unary and stream interceptors, which also guard
// methods that do not exist.
package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"
)

// Secret is a string that does not show itself when printed or logged. JSON carries it: the driver has to learn it somehow.
type Secret string

const redacted = "[redacted]"

func (Secret) String() string       { return redacted }
func (Secret) GoString() string     { return redacted }
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// Equal compares in constant time: how long it takes tells nothing about where two tokens differ.
func (s Secret) Equal(other string) bool {
	a, b := sha256.Sum256([]byte(s)), sha256.Sum256([]byte(other))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// Credentials are what a caller must know of a server.
type Credentials struct {
	Token      Secret `json:"token"`
	CertSHA256 string `json:"certificate_sha256"` // hex of the certificate's DER
}

// NewServer makes the credentials of a session and the options that make a gRPC server ask for them.
func NewServer() (Credentials, []grpc.ServerOption, error) {
	raw := make([]byte, 32)
	rand.Read(raw)
	cert, err := certificate()
	if err != nil {
		return Credentials{}, nil, err
	}
	sum := sha256.Sum256(cert.Certificate[0])
	c := Credentials{Token: Secret(hex.EncodeToString(raw)), CertSHA256: hex.EncodeToString(sum[:])}
	g := guard{c.Token}
	return c, []grpc.ServerOption{
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS13})),
		grpc.InTapHandle(func(ctx context.Context, info *tap.Info) (context.Context, error) { return ctx, g.check(info.Header) }),
		grpc.ChainUnaryInterceptor(g.unary),
		grpc.ChainStreamInterceptor(g.stream),
		// Without a handler of its own gRPC answers unknown methods before any interceptor has looked at the token.
		grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error { return status.Error(codes.Unimplemented, "unknown method") }),
	}, nil
}

// certificate makes a self-signed one. Its dates are wide because clocks of a cluster differ and nobody checks them.
func certificate() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make serial number: %w", err)
	}
	template := x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "deepdist psserver"},
		NotBefore:    time.Now().Add(-24 * time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

type guard struct{ token Secret }

var errDenied = status.Error(codes.Unauthenticated,
	"the call does not carry this session's token: it comes from another session, or from one that has ended")

func (g guard) check(md metadata.MD) error {
	values := md.Get("authorization")
	if len(values) != 1 {
		return errDenied
	}
	const bearer = "Bearer "
	if len(values[0]) < len(bearer) || values[0][:len(bearer)] != bearer || !g.token.Equal(values[0][len(bearer):]) {
		return errDenied
	}
	return nil
}

func (g guard) fromContext(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	return g.check(md)
}

func (g guard) unary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	if err := g.fromContext(ctx); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (g guard) stream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := g.fromContext(stream.Context()); err != nil {
		return err
	}
	return handler(srv, stream)
}

// ErrWrongCertificate means that something else than the session's server answered at its address.
var ErrWrongCertificate = errors.New("the server's certificate is not the one of this session: " +
	"another process has taken the port, or somebody stands in between")

// DialOptions make a client that speaks only to the server with this certificate, and sends it the token.
func DialOptions(token, certSHA256 string) ([]grpc.DialOption, error) {
	want, err := hex.DecodeString(certSHA256)
	if err != nil || len(want) != sha256.Size {
		return nil, errors.New("the certificate's SHA-256 is not 64 hexadecimal digits")
	}
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		// Chain and name are not what identifies the server, so the standard checks have nothing to go by. The pin below
		// replaces them: it runs on every connection, resumed ones too.
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return ErrWrongCertificate
			}
			sum := sha256.Sum256(state.PeerCertificates[0].Raw)
			if subtle.ConstantTimeCompare(sum[:], want) != 1 {
				return ErrWrongCertificate
			}
			return nil
		},
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithPerRPCCredentials(bearer(token)),
	}, nil
}

// bearer sends the token with each call, and never over a connection without TLS.
type bearer Secret

func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

func (bearer) RequireTransportSecurity() bool { return true }
