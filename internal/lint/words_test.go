package lint

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// banned are words that this code has another word for. Only those are listed that never mean anything else here.
var banned = map[string]string{
	"slave": "worker", "minion": "worker", "minibatch": "slice", "grad": "gradient, or delta for what a push carries", "grads": "gradients",
	"lr": "alpha", "watermark": "cursor", "updater": "optimizer", "focus": "center", "centre": "center",
	"embedding": "row", "embeddings": "rows",
}

// shelves are package names that say nothing of what is in them.
var shelves = []string{"util", "utils", "common", "helpers", "helper", "misc", "base", "lib", "pkg", "types", "shared"}

func TestPackagesAreNounsThatSayWhatTheyHold(t *testing.T) {
	for _, p := range packages(t) {
		if slices.Contains(shelves, path.Base(p.name())) {
			t.Errorf("package %s: name it for what it holds", p.name())
		}
	}
}

func TestEveryPackageOpensWithADocComment(t *testing.T) {
	for _, p := range packages(t) {
		if p.Doc == "" && len(p.GoFiles) > 0 && !p.under("proto") {
			t.Errorf("package %s has no doc comment: say what a stranger should know of it", p.name())
		}
	}
}

func TestOneWordNamesOneThing(t *testing.T) {
	eachFile(t, func(p listed, files *token.FileSet, file *ast.File) {
		ast.Inspect(file, func(node ast.Node) bool {
			for _, name := range declared(node) {
				for _, word := range split(name.Name) {
					if better, ok := banned[word]; ok {
						t.Errorf("%s: %s: we say %s for %q", files.Position(name.Pos()), name.Name, better, word)
					}
				}
			}
			return true
		})
	})
}

// declared returns the names that the node brings into being.
func declared(node ast.Node) []*ast.Ident {
	switch n := node.(type) {
	case *ast.FuncDecl:
		return []*ast.Ident{n.Name}
	case *ast.TypeSpec:
		return []*ast.Ident{n.Name}
	case *ast.ValueSpec:
		return n.Names
	case *ast.Field:
		return n.Names
	case *ast.AssignStmt:
		var names []*ast.Ident
		for _, left := range n.Lhs {
			if name, ok := left.(*ast.Ident); ok && n.Tok == token.DEFINE {
				names = append(names, name)
			}
		}
		return names
	}
	return nil
}

// split cuts a Go name into its words, in lower case: "SyncLRNow" is sync, lr, now.
func split(name string) []string {
	var words []string
	letters := []rune(name)
	start := 0
	for i := 1; i <= len(letters); i++ {
		end := i == len(letters) || letters[i] == '_' ||
			unicode.IsUpper(letters[i]) && (!unicode.IsUpper(letters[i-1]) || i+1 < len(letters) && unicode.IsLower(letters[i+1]))
		if end {
			words = append(words, strings.ToLower(strings.Trim(string(letters[start:i]), "_")))
			start = i
		}
	}
	return words
}

func TestSplitCutsNamesIntoWords(t *testing.T) {
	for name, want := range map[string]string{"SyncLRNow": "sync lr now", "alpha": "alpha", "min_alpha": "min alpha", "RPCClient": "rpc client", "rssBytes": "rss bytes"} {
		if got := strings.Join(split(name), " "); got != want {
			t.Errorf("split(%q) = %q, want %q", name, got, want)
		}
	}
}
