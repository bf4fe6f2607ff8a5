package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAFileIsPutAndGotWithFlagsOnEitherSideOfItsURL(t *testing.T) {
	folder := t.TempDir()
	url := "file://" + filepath.Join(folder, "of.vec")
	put := func(text string, args ...string) (status int, said string) {
		in, err := os.Create(filepath.Join(folder, "in"))
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if _, err := in.WriteString(text); err != nil {
			t.Fatal(err)
		}
		var errs bytes.Buffer
		status = copyFile("put", args, in, io.Discard, &errs)
		return status, errs.String()
	}
	for _, step := range []struct {
		text   string
		args   []string
		status int
		says   string
	}{
		{"first", []string{url}, 0, ""},
		{"second", []string{url}, 6, "is there already"},
		{"third", []string{url, "--overwrite"}, 0, ""},
		{"fourth", []string{"--overwrite", url, url}, 2, "name one URL, not 2"},
		{"fifth", []string{"--overwrite"}, 2, "name one URL, not 0"},
	} {
		if status, said := put(step.text, step.args...); status != step.status || !strings.Contains(said, step.says) {
			t.Errorf("put %q: %d, %q", step.args, status, said)
		}
	}
	var out, errs bytes.Buffer
	if status := copyFile("get", []string{url}, nil, &out, &errs); status != 0 || out.String() != "third" {
		t.Errorf("get: %d, %q, %q", status, out.String(), errs.String())
	}
}
