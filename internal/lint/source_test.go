package lint

import (
	"bytes"
	"go/format"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const root = "../.."

// tracked lists the files that git knows, by their path from the root.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	out, err := exec.Command("git", append([]string{"-C", root, "ls-files", "-z", "--"}, patterns...)...).Output()
	if err != nil {
		t.Skipf("not a git work tree: %v", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 })
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, name))
	if os.IsNotExist(err) {
		return nil // tracked, but just removed from the tree
	}
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestGoCodeIsFormatted(t *testing.T) {
	for _, name := range tracked(t, "*.go") {
		text := read(t, name)
		formatted, err := format.Source(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if !bytes.Equal(text, formatted) {
			t.Errorf("%s is not formatted: run gofmt -w on it", name)
		}
	}
}

func TestGoVetFindsNothing(t *testing.T) {
	command := exec.Command("go", "vet", "./...")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, out)
	}
}

// Tasks run where only executors are: what they import must not reach for the driver's modules, nor for gensim or Spark's SQL.
func TestTaskModulesImportNoDriverModules(t *testing.T) {
	imports := regexp.MustCompile(`(?m)^\s*(?:from\s+(\S+)\s+import|import\s+(\S+))`)
	driver := regexp.MustCompile(`^(?:deepdist|\.\.?)\.?(?:driver|deepdist|launch|control|progress)\b|^gensim\b|^pyspark\.sql\b|^torch\b`)
	files := tracked(t, "python/deepdist/task/*.py")
	if len(files) == 0 {
		t.Fatal("python/deepdist/task has no modules: change this rule")
	}
	for _, name := range files {
		for _, match := range imports.FindAllStringSubmatch(string(read(t, name)), -1) {
			if imported := match[1] + match[2]; driver.MatchString(imported) {
				t.Errorf("%s imports %s: task modules import nothing of the driver", name, imported)
			}
		}
	}
}

// A clone works anywhere: nothing may name a folder of the machine that it was written on.
func TestNothingNamesTheMachineItWasWrittenOn(t *testing.T) {
	machine := regexp.MustCompile(`/wor[k]/(main|shared)|/roo[t]/|/hom[e]/[a-z]|/tm[p]/dd/`)
	for _, name := range tracked(t) {
		text := read(t, name)
		if bytes.IndexByte(text, 0) >= 0 { // not text
			continue
		}
		if at := machine.FindIndex(text); at != nil {
			t.Errorf("%s:%d names a folder of one machine: %s", name, 1+bytes.Count(text[:at[0]], []byte("\n")), text[at[0]:at[1]])
		}
	}
}

// In a script with pipefail, what is killed because its reader has left early fails the script, now and then: the reader reads to the end.
func TestScriptsPipeToNothingThatLeavesEarly(t *testing.T) {
	early := regexp.MustCompile(`\|\s*(head\b|grep\s+-[a-zA-Z]*q|sed\s[^|]*q['"])`)
	for _, name := range tracked(t, ".ci", "docker/bin", "examples", "internal/*.sh") {
		if text := read(t, name); bytes.HasPrefix(text, []byte("#!")) && bytes.Contains(text, []byte("pipefail")) {
			if at := early.FindIndex(text); at != nil {
				t.Errorf("%s:%d: %s leaves before all is written to it", name, 1+bytes.Count(text[:at[0]], []byte("\n")), text[at[0]:at[1]])
			}
		}
	}
}

// One place names the version; Python and Scala repeat it, since a wheel and a jar are built without Go.
func TestGoPythonAndScalaNameTheSameVersion(t *testing.T) {
	first := func(file, pattern string) string {
		match := regexp.MustCompile(pattern).FindSubmatch(read(t, file))
		if match == nil {
			t.Fatalf("%s has nothing like %s", file, pattern)
		}
		return string(match[1])
	}
	build := first("internal/version/version.go", `Build = "([^"]+)"`)
	if project := first("python/pyproject.toml", `(?m)^version = "([^"]+)"`); project != build {
		t.Errorf("python/pyproject.toml is version %s, internal/version %s", project, build)
	}
	if module := first("python/deepdist/version.py", `(?m)^__version__ = "([^"]+)"`); module != build {
		t.Errorf("python/deepdist/version.py is version %s, internal/version %s", module, build)
	}
	if jar := first("scala/src/main/scala/deepdist/Release.scala", `Build = "([^"]+)"`); jar != build {
		t.Errorf("scala/src/main/scala/deepdist/Release.scala is version %s, internal/version %s", jar, build)
	}
	if pom := first("scala/pom.xml", `(?s)<artifactId>deepdist-spark</artifactId>\s*<version>([^<]+)<`); pom != build {
		t.Errorf("scala/pom.xml is version %s, internal/version %s", pom, build)
	}
}
