package storage

import (
	"errors"
	"fmt"
	"net"
	"reflect"

	"github.com/colinmarc/hdfs/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// Blocks asks the NameNode where a file's blocks lie. A host has two names there, that of the DataNode and its address; Spark knows
// executors by either.
func (c *cluster) Blocks(f File) (blocks []Block, err error) {
	err = c.call(func(client *hdfs.Client) error {
		answer, err := ask(client, "getBlockLocations", map[string]any{"src": f.Name, "offset": uint64(0), "length": uint64(f.Size)})
		if err != nil {
			return err
		}
		blocks = nil
		located := list(message(answer, "locations"), "blocks")
		for i := range located.Len() {
			m := located.Get(i).Message()
			b := Block{Offset: int64(field(m, "offset").Uint()), Length: int64(field(message(m, "b"), "numBytes").Uint())}
			hosts := list(m, "locs")
			for k := range hosts.Len() {
				id := message(hosts.Get(k).Message(), "id")
				name, address := field(id, "hostName").String(), field(id, "ipAddr").String()
				b.Hosts = append(b.Hosts, name)
				if ip := net.ParseIP(address); address != name && !ip.IsLoopback() { // one of loopback may be anybody's
					b.Hosts = append(b.Hosts, address)
				}
			}
			blocks = append(blocks, b)
		}
		return nil
	})
	return blocks, c.explain("read", f.Name, err)
}

// ask calls the NameNode with a method that the client has no function for. The client keeps its connection to itself, though the type
// of it, its method Execute, and the messages in the registry of protobuf are open; a test asks a real NameNode this way.
func ask(client *hdfs.Client, method string, fields map[string]any) (protoreflect.Message, error) {
	inner := reflect.ValueOf(client).Elem().FieldByName("namenode")
	if !inner.IsValid() || inner.Kind() != reflect.Pointer {
		return nil, errors.New("the HDFS client has another shape than it had: its connection is not found")
	}
	connection, ok := reflect.NewAt(inner.Type().Elem(), inner.UnsafePointer()).Interface().(interface {
		Execute(method string, request, answer proto.Message) error
	})
	if !ok {
		return nil, errors.New("the HDFS client has another shape than it had: its connection has no Execute")
	}
	named := func(suffix string) (protoreflect.Message, error) {
		kind, err := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName("hadoop.hdfs." + string(method[0]-'a'+'A') + method[1:] + suffix))
		if err != nil {
			return nil, fmt.Errorf("%s%s: %w", method, suffix, err)
		}
		return kind.New(), nil
	}
	request, err := named("RequestProto")
	if err != nil {
		return nil, err
	}
	answer, err := named("ResponseProto")
	if err != nil {
		return nil, err
	}
	for name, value := range fields {
		request.Set(request.Descriptor().Fields().ByName(protoreflect.Name(name)), protoreflect.ValueOf(value))
	}
	return answer, connection.Execute(method, request.Interface(), answer.Interface())
}

func field(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
	return m.Get(m.Descriptor().Fields().ByName(name))
}

func message(m protoreflect.Message, name protoreflect.Name) protoreflect.Message {
	return field(m, name).Message()
}

func list(m protoreflect.Message, name protoreflect.Name) protoreflect.List {
	return field(m, name).List()
}
