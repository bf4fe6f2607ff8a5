package lint

import (
	"go/ast"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The columns of the tree never touch: what psserver and sidecar share lies in proto and internal.
func TestPsserverAndSidecarMeetOnlyInProtoAndInternal(t *testing.T) {
	columns := []string{"psserver", "sidecar"}
	for _, p := range packages(t) {
		for _, imported := range p.Imports {
			other, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			into := listed{ImportPath: module + "/" + other}
			switch {
			case p.under("psserver") && into.under("sidecar"), p.under("sidecar") && into.under("psserver"):
				t.Errorf("%s imports %s: put what both need into internal", p.name(), other)
			case p.under("proto") && into.under(columns...), p.under("internal") && into.under(columns...) && !p.under("internal/e2e", "internal/bench"):
				t.Errorf("%s imports %s: arrows point down, from psserver and sidecar to internal and proto", p.name(), other)
			}
		}
	}
}

// maths are the packages whose numbers must be testable without a wire.
var maths = []string{"internal/vec", "sidecar/word2vec", "psserver/optimizer", "psserver/vocabulary", "psserver/cursor", "psserver/store"}

func TestMathsPackagesKnowNoNetwork(t *testing.T) {
	for _, p := range named(t, maths...) {
		for _, wire := range []string{"net", "net/http", "google.golang.org/grpc", module + "/proto/deepdist/v1"} {
			if slices.Contains(p.Deps, wire) {
				t.Errorf("%s depends on %s: maths packages know no network", p.name(), wire)
			}
		}
	}
}

// edge are the packages that speak the protocol's generated types.
var edge = []string{"psserver/service", "sidecar/psclient"}

func TestGeneratedTypesStopAtTheEdge(t *testing.T) {
	named(t, edge...)
	for _, p := range packages(t) {
		if slices.Contains(p.Imports, module+"/proto/deepdist/v1") && !slices.Contains(edge, p.name()) {
			t.Errorf("%s imports the generated protocol: only %s do", p.name(), strings.Join(edge, ", "))
		}
	}
}

// dialers and listeners are the only doors to the outside. Unix sockets count.
var (
	dialers   = []string{"sidecar/psclient", "internal/frame", "internal/storage"}
	listeners = []string{"psserver", "psserver/service", "psserver/control", "psserver/dashboard", "sidecar/shim"}
	doors     = map[string]string{
		"net.Dial": "dials", "net.DialTimeout": "dials", "net.DialTCP": "dials", "net.DialUnix": "dials", "net.Dialer": "dials",
		"tls.Dial": "dials", "tls.Dialer": "dials", "grpc.NewClient": "dials", "grpc.Dial": "dials", "grpc.DialContext": "dials",
		"hdfs.New": "dials", "hdfs.NewClient": "dials", "http.Get": "dials", "http.Post": "dials", "http.Client": "dials", "http.DefaultClient": "dials", "http.Transport": "dials",
		"net.Listen": "listens", "net.ListenTCP": "listens", "net.ListenUnix": "listens", "net.ListenConfig": "listens", "tls.Listen": "listens",
		"net.ListenPacket": "listens", "http.ListenAndServe": "listens", "http.ListenAndServeTLS": "listens",
	}
)

func TestOnlyTheListedDialAndListen(t *testing.T) {
	named(t, dialers...)
	named(t, listeners...)
	eachFile(t, func(p listed, files *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := selector.X.(*ast.Ident)
			if !ok {
				return true
			}
			door := from.Name + "." + selector.Sel.Name
			switch verb := doors[door]; {
			case verb == "dials" && !slices.Contains(dialers, p.name()):
				t.Errorf("%s: %s dials; only %s may", files.Position(node.Pos()), door, strings.Join(dialers, ", "))
			case verb == "listens" && !slices.Contains(listeners, p.name()):
				t.Errorf("%s: %s listens; only %s may", files.Position(node.Pos()), door, strings.Join(listeners, ", "))
			}
			return true
		})
	})
}

// Large libraries stay behind one small package each, so that their versions can change in one place.
func TestLargeLibrariesStayBehindOnePackage(t *testing.T) {
	importers := map[string][]string{"github.com/apache/arrow/": nil, "github.com/colinmarc/hdfs/": nil}
	eachFile(t, func(p listed, _ *token.FileSet, file *ast.File) {
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			for library, by := range importers {
				if strings.HasPrefix(path, library) && !slices.Contains(by, p.name()) {
					importers[library] = append(by, p.name())
				}
			}
		}
	})
	for library, by := range importers {
		if len(by) != 1 {
			t.Errorf("%s… is imported by %s: it belongs behind one package", library, strings.Join(by, ", "))
		}
	}
}
