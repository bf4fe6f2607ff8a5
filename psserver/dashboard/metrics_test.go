package dashboard

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"deepdist/psserver/figures"
)

// scrape reads /metrics as Prometheus does.
func scrape(t *testing.T, url string) map[string]*dto.MetricFamily {
	t.Helper()
	answer, body := get(t, url+"/metrics")
	if answer.StatusCode != 200 {
		t.Fatalf("%s: %s", answer.Status, body)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return families
}

// value is the one sample of the family that has these labels ("name=value").
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	t.Helper()
	family := families[name]
	if family == nil {
		t.Fatalf("there is no %s", name)
	}
	for _, metric := range family.Metric {
		has := map[string]bool{}
		for _, label := range metric.Label {
			has[label.GetName()+"="+label.GetValue()] = true
		}
		all := true
		for _, label := range labels {
			all = all && has[label]
		}
		if !all {
			continue
		}
		if family.GetType() == dto.MetricType_COUNTER {
			return metric.Counter.GetValue()
		}
		return metric.Gauge.GetValue()
	}
	t.Fatalf("%s has no sample with %v", name, labels)
	return 0
}

func TestMetricsAreTheFiguresOfTheSession(t *testing.T) {
	url, _ := start(t, newScripted(training(7)))
	families := scrape(t, url)
	for name, want := range map[string]float64{
		"deepdist_words_total": 7000, "deepdist_goal_words": 100000, "deepdist_words_per_second": 1500.5, "deepdist_loss": 0.3,
		"deepdist_alpha": float64(float32(0.025)), "deepdist_pushes_total": 7, "deepdist_moved_pushes_total": 2,
		"deepdist_refused_pushes_total": 1, "deepdist_version": 8, "deepdist_epochs": 2, "deepdist_epochs_done": 1,
		"deepdist_partitions": 4, "deepdist_partitions_done": 1, "deepdist_passes_total": 5, "deepdist_own_passes_total": 3, "deepdist_vocabulary_words": 700, "deepdist_workers": 1,
		"deepdist_training_failed": 0, "deepdist_build_info": 1,
	} {
		if got := value(t, families, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	for name, want := range map[string]float64{
		"deepdist_worker_words_total": 600, "deepdist_worker_pushes_total": 3, "deepdist_worker_staleness": 1.5,
		"deepdist_worker_resident_memory_bytes": 1 << 20, "deepdist_worker_replica_bytes": 2 << 20, "deepdist_worker_threads": 2,
		"deepdist_worker_pulled_bytes_total": 3 << 20, "deepdist_worker_pushed_bytes_total": 4 << 20,
	} {
		if got := value(t, families, name, "worker=w1", "host=one"); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	value(t, families, "deepdist_worker_info", "worker=w2", "host=two", "pid=12", "kernel=generic", "state=left")
	if value(t, families, "deepdist_phase", "phase=training") != 1 || value(t, families, "deepdist_phase", "phase=done") != 0 {
		t.Error("the phase is not the session's")
	}
	if value(t, families, "process_resident_memory_bytes") <= 0 || value(t, families, "go_goroutines") <= 0 {
		t.Error("the process itself is not measured")
	}
}

func TestMetricsFollowTheSession(t *testing.T) {
	source := newScripted(training(7))
	url, _ := start(t, source)
	scrape(t, url)
	failed := training(9)
	failed.Phase, failed.Error = figures.PhaseFailed, "descent raised"
	source.set(failed)
	families := scrape(t, url)
	if value(t, families, "deepdist_pushes_total") != 9 || value(t, families, "deepdist_training_failed") != 1 {
		t.Error("the second scrape shows the first one's figures")
	}
}

func TestMetricNamesAndUnitsKeepPrometheusConventions(t *testing.T) {
	url, _ := start(t, newScripted(training(7)))
	_, body := get(t, url+"/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for name, family := range scrape(t, url) {
		if !strings.HasPrefix(name, "deepdist_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s is not ours", name)
		}
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
}

// A host's name comes over the wire; a label that is not UTF-8 would be a panic in the middle of a training.
func TestAHostNameOfAnyBytesDoesNotBreakTheScrape(t *testing.T) {
	f := training(1)
	f.Workers[0].Host = "a\xff\"\nb"
	url, _ := start(t, newScripted(f))
	if got := value(t, scrape(t, url), "deepdist_worker_words_total", "worker=w1"); got != 600 {
		t.Errorf("words are %v", got)
	}
}

func TestTheDocumentationNamesEveryMetricAndNoOther(t *testing.T) {
	page, err := os.ReadFile("../../docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	for _, match := range regexp.MustCompile("`(deepdist_[a-z_]+)").FindAllSubmatch(page, -1) {
		named[string(match[1])] = true
	}
	url, _ := start(t, newScripted(training(1)))
	for name := range scrape(t, url) {
		if strings.HasPrefix(name, "deepdist_") && !named[name] {
			t.Errorf("docs/page.md does not name %s", name)
		}
		delete(named, name)
	}
	for name := range named {
		t.Errorf("docs/page.md names %s, which does not exist", name)
	}
}
