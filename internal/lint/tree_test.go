package lint

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "deepdist"

// listed is a package of this module, as `go list -json` describes it.
type listed struct {
	ImportPath  string
	Dir         string
	Doc         string
	GoFiles     []string
	TestGoFiles []string
	Imports     []string // of the package
	Deps        []string // those and theirs
}

// name is the import path below the module: "sidecar/word2vec".
func (p listed) name() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// under says whether the package lies in one of the folders.
func (p listed) under(folders ...string) bool {
	for _, folder := range folders {
		if p.name() == folder || strings.HasPrefix(p.name(), folder+"/") {
			return true
		}
	}
	return false
}

var list = sync.OnceValues(func() ([]listed, error) {
	command := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,GoFiles,TestGoFiles,Imports,Deps", module+"/...")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		return nil, errors.New("go list: " + stderr.String())
	}
	var packages []listed
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
})

// packages is every package of the module.
func packages(t *testing.T) []listed {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// named returns the packages of a rule's list and fails for those that are gone.
func named(t *testing.T, names ...string) []listed {
	t.Helper()
	var found []listed
	for _, name := range names {
		before := len(found)
		for _, p := range packages(t) {
			if p.name() == name {
				found = append(found, p)
			}
		}
		if len(found) == before {
			t.Errorf("this rule names package %s, which is gone: change the rule", name)
		}
	}
	return found
}

// eachFile parses the packages' own Go files (tests and generated code left out).
func eachFile(t *testing.T, visit func(p listed, files *token.FileSet, file *ast.File)) {
	t.Helper()
	files := token.NewFileSet()
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if !ast.IsGenerated(file) {
				visit(p, files, file)
			}
		}
	}
}
