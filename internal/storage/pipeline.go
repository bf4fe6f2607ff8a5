package storage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// A block is written to a pipeline of DataNodes that the NameNode has chosen: the first hands on to the second, and so on. One that has just died
// is chosen for ten more minutes, and the client, which knows no other way than the one it was told, would fail each time. So the way is
// mended when it is told, in the first message to the first DataNode:
//
//  1. The client dials the first DataNode; the connection is not made yet.
//  2. Its first message says to write a block, and names the others. All of them are tried.
//  3. Those that do not answer are taken out of the message, and it goes to the first that does. With fewer replicas than wanted, which
//     is what Hadoop's client does too; the NameNode has them made up for.
//
// Where data transfer is protected (Kerberos), the first message is one of SASL's, and nothing is changed.
type pipeline struct {
	ctx     context.Context
	address string
	byName  bool // DataNodes are known by their host names

	once     sync.Once
	net.Conn // once it is made
	err      error
}

func dialPipeline(byName bool) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		return &pipeline{ctx: ctx, address: address, byName: byName}, nil
	}
}

// answersWithin is how long a DataNode has to take a connection.
const answersWithin = 5 * time.Second

func (p *pipeline) Write(message []byte) (n int, err error) {
	p.once.Do(func() {
		n = len(message)
		p.Conn, message, p.err = p.connect(message)
		if p.err == nil {
			_, p.err = p.Conn.Write(message)
		}
		if p.err != nil {
			n = 0
		}
		message = nil
	})
	if p.err != nil || message == nil {
		return n, p.err
	}
	return p.Conn.Write(message)
}

func (p *pipeline) Read(b []byte) (int, error) {
	if p.Conn == nil {
		return 0, errors.New("the client reads before it has written")
	}
	return p.Conn.Read(b)
}

func (p *pipeline) Close() error {
	if p.Conn == nil {
		return nil
	}
	return p.Conn.Close()
}

// RemoteAddr is asked for before there is a connection, by whoever wants to know the port.
func (p *pipeline) RemoteAddr() net.Addr {
	host, port, _ := net.SplitHostPort(p.address)
	number, _ := strconv.Atoi(port)
	return &net.TCPAddr{IP: net.ParseIP(host), Port: number}
}

// Deadlines are those of impatient.

func (p *pipeline) SetDeadline(time.Time) error      { return nil }
func (p *pipeline) SetReadDeadline(time.Time) error  { return nil }
func (p *pipeline) SetWriteDeadline(time.Time) error { return nil }

// connect connects with the first DataNode that answers, and returns the message to it.
func (p *pipeline) connect(first []byte) (net.Conn, []byte, error) {
	const version, writeBlock = 28, 80 // of Hadoop's protocol of data transfer
	if len(first) < 4 || binary.BigEndian.Uint16(first) != version || first[2] != writeBlock {
		conn, err := dial(p.ctx, "tcp", p.address)
		return conn, first, err
	}
	kind, err := protoregistry.GlobalTypes.FindMessageByName("hadoop.hdfs.OpWriteBlockProto")
	if err != nil {
		return nil, nil, err
	}
	op := kind.New()
	length, n := binary.Uvarint(first[3:])
	if n <= 0 || uint64(len(first)-3-n) != length {
		return nil, nil, fmt.Errorf("a message of %d bytes to a DataNode is not what it should be", len(first))
	}
	if err := proto.Unmarshal(first[3+n:], op.Interface()); err != nil {
		return nil, nil, err
	}
	host := protoreflect.Name("ipAddr")
	if p.byName {
		host = "hostName"
	}
	targets := op.Mutable(op.Descriptor().Fields().ByName("targets")).List()
	addresses := []string{p.address}
	var others []protoreflect.Value
	for i := range targets.Len() {
		id := message(targets.Get(i).Message(), "id")
		others = append(others, targets.Get(i))
		addresses = append(addresses, net.JoinHostPort(field(id, host).String(), strconv.FormatUint(field(id, "xferPort").Uint(), 10)))
	}
	conns := tryAll(p.ctx, addresses)
	taken := -1
	targets.Truncate(0)
	for i, conn := range conns {
		switch {
		case conn == nil:
		case taken < 0:
			taken = i
		default:
			conn.Close()
			targets.Append(others[i-1])
		}
	}
	if taken < 0 {
		return nil, nil, fmt.Errorf("none of the DataNodes %v that were to hold a block answers", addresses)
	}
	changed, err := proto.Marshal(op.Interface())
	if err != nil {
		conns[taken].Close()
		return nil, nil, err
	}
	out := binary.AppendUvarint(append([]byte(nil), first[:3]...), uint64(len(changed)))
	return impatient{conns[taken]}, append(out, changed...), nil
}

// tryAll connects with all at once; nil stands for one that does not answer.
func tryAll(ctx context.Context, addresses []string) []net.Conn {
	conns := make([]net.Conn, len(addresses))
	var wait sync.WaitGroup
	for i, address := range addresses {
		wait.Go(func() {
			conns[i], _ = (&net.Dialer{Timeout: answersWithin}).DialContext(ctx, "tcp", address)
		})
	}
	wait.Wait()
	return conns
}
