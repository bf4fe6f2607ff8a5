package dashboard

import (
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"deepdist/psserver/figures"
)

func TestThePageAndAllItNamesComeFromTheBinary(t *testing.T) {
	address, _ := start(t, newScripted(figures.Figures{}))
	wanted, seen := []string{"/"}, map[string]bool{"/": true}
	names := regexp.MustCompile(`(?:src|href)="([^"]+)"|from '\.(/[a-z]+\.js)'`)
	for len(wanted) > 0 {
		name := wanted[0]
		wanted = wanted[1:]
		answer, body := get(t, address+name)
		if answer.StatusCode != http.StatusOK || len(body) == 0 {
			t.Errorf("%s: %s, %d bytes", name, answer.Status, len(body))
		}
		for _, match := range names.FindAllStringSubmatch(body, -1) {
			next := match[1] + match[2]
			switch {
			case strings.HasPrefix(next, "#"):
			case !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//"):
				t.Errorf("%s names %s, which is not ours", name, next)
			case !seen[next]:
				seen[next] = true
				wanted = append(wanted, next)
			}
		}
	}
	for _, name := range []string{"/page.js", "/page.css", "/favicon.svg", "/curve.js", "/figures", "/metrics"} {
		if !seen[name] {
			t.Errorf("the page does not lead to %s", name)
		}
	}
}

// The policy forbids inline code and styles: a browser would ignore them without a word.
func TestThePageHasNoInlineCodeOrStyle(t *testing.T) {
	for _, name := range []string{"index.html", "favicon.svg"} {
		body, err := pageFiles.ReadFile("page/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`(?i)<style|style=|\son[a-z]+=|<script[^>]*>[^<]`).Find(body); found != nil {
			t.Errorf("%s has %s", name, found)
		}
	}
}

// Words, hosts and errors come from elsewhere. Trusted Types would stop this too, but only in browsers that have them.
func TestThePageMakesHTMLOfNoString(t *testing.T) {
	files, err := pageFiles.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		body, err := pageFiles.ReadFile("page/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if found := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`).Find(body); found != nil {
			t.Errorf("%s uses %s", file.Name(), found)
		}
	}
}

func TestAnUnknownAddressIsNotFound(t *testing.T) {
	address, _ := start(t, newScripted(figures.Figures{}))
	for _, name := range []string{"/index.html", "/nothing", "/page/page.js", "/../go.mod", "/page.js/", "/debug/pprof/", "/Metrics"} {
		if answer, _ := get(t, address+name); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s", name, answer.Status)
		}
	}
}

func TestFiguresAreThoseOfTheSession(t *testing.T) {
	source := newScripted(training(7))
	address, _ := start(t, source)
	_, body := get(t, address+"/figures")
	want, err := json.Marshal(source.Figures())
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(body) != string(want) {
		t.Errorf("got  %s\nwant %s", body, want)
	}
}

func TestFiguresThatAreNoNumbersReadAsNotKnown(t *testing.T) {
	f := training(1)
	f.Loss, f.WordsPerSecond, f.ETASeconds, f.Alpha = math.NaN(), math.Inf(1), math.Inf(-1), float32(math.NaN())
	f.EpochsDone[0].Loss, f.EpochsDone[0].Alpha, f.Workers[0].Staleness = math.NaN(), float32(math.Inf(1)), math.NaN()
	address, _ := start(t, newScripted(f))
	answer, body := get(t, address+"/figures")
	var got figures.Figures
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatalf("%s: %v", answer.Status, err)
	}
	if got.Loss != 0 || got.WordsPerSecond != 0 || got.ETASeconds != 0 || got.Alpha != 0 || got.EpochsDone[0].Loss != 0 || got.Workers[0].Staleness != 0 {
		t.Errorf("%s", body)
	}
	if !math.IsNaN(f.EpochsDone[0].Loss) || !math.IsNaN(f.Workers[0].Staleness) {
		t.Error("the session's own figures were changed")
	}
}

func TestNeighboursAnswerInOrder(t *testing.T) {
	address, _ := start(t, newScripted(training(1)))
	for query, want := range map[string]string{
		"word=king":        `{"neighbours":[["queen",0.75],["\u003c/script\u003e",0.5],["prince",0.25]],"word":"king"}`,
		"word=king&topn=1": `{"neighbours":[["queen",0.75]],"word":"king"}`,
	} {
		answer, body := get(t, address+"/neighbours?"+query)
		if answer.StatusCode != http.StatusOK || strings.TrimSpace(body) != want {
			t.Errorf("%s: %s %s", query, answer.Status, body)
		}
	}
}

func TestAQuestionForNeighboursThatCanNotBeAnsweredSaysWhy(t *testing.T) {
	address, _ := start(t, newScripted(training(1)))
	for _, c := range []struct {
		query, says string
		status      int
	}{
		{"", "name a word", 400}, {"word=", "name a word", 400}, {"word=%ff%fe", "name a word", 400},
		{"word=" + strings.Repeat("a", maxWordBytes+1), "name a word", 400},
		{"word=king&topn=0", "from 1 to 100", 400}, {"word=king&topn=101", "from 1 to 100", 400}, {"word=king&topn=ten", "from 1 to 100", 400},
		{"word=" + url.QueryEscape("<b>"), "not in the vocabulary", 404},
	} {
		answer, body := get(t, address+"/neighbours?"+c.query)
		var said struct{ Error string }
		if err := json.Unmarshal([]byte(body), &said); err != nil {
			t.Fatalf("%.40s: %v in %s", c.query, err, body)
		}
		if answer.StatusCode != c.status || !strings.Contains(said.Error, c.says) {
			t.Errorf("%.40s: %s %s", c.query, answer.Status, body)
		}
	}
}
