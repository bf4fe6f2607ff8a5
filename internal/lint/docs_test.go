package lint

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	link     = regexp.MustCompile(`\]\(([^)#:\s]+)(?:#[^)]*)?\)`)
	codeName = regexp.MustCompile("`((?:[\\w.-]+/)*[\\w-]+\\.(?:go|py|sh|proto|md))`")
	folder   = regexp.MustCompile("`((?:psserver|sidecar|internal|python|proto|examples|docs)(?:/[\\w-]+)+)/?`")
	target   = regexp.MustCompile("`make ([a-z][a-z0-9-]*)`")
)

// The README and the pages walk through the tree; a walk that names a file of yesterday misleads.
func TestDocsNameFilesFoldersAndCommandsThatExist(t *testing.T) {
	files := tracked(t)
	makefile := string(read(t, "Makefile"))
	for _, page := range tracked(t, "*.md") {
		text := string(read(t, page))
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, path.Dir(page), match[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", page, match[1])
			}
		}
		for _, match := range codeName.FindAllStringSubmatch(text, -1) {
			named := func(file string) bool { return file == match[1] || strings.HasSuffix(file, "/"+match[1]) }
			if !slices.ContainsFunc(files, named) {
				t.Errorf("%s names `%s`, which is not there", page, match[1])
			}
		}
		for _, match := range folder.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, match[1])); err != nil {
				t.Errorf("%s names `%s`, which is not there", page, match[1])
			}
		}
		for _, match := range target.FindAllStringSubmatch(text, -1) {
			if !strings.Contains("\n"+makefile, "\n"+match[1]+":") {
				t.Errorf("%s names `make %s`, which the Makefile lacks", page, match[1])
			}
		}
	}
}
