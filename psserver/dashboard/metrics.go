package dashboard

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"deepdist/internal/version"
	"deepdist/psserver/figures"
)

const maxScrapes = 4 // at a time

// metrics serves the figures in Prometheus' text format, from a registry of its own: besides them it has the process's memory, CPU
// time and descriptors, and Go's runtime. What the figures count begins again with each training, as Prometheus' counters may.
func (p *Page) metrics() http.Handler {
	registry := prometheus.NewPedanticRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "deepdist_build_info", Help: "Always 1; the labels tell the build.",
		ConstLabels: prometheus.Labels{"version": version.Build, "protocol": strconv.Itoa(version.Protocol)}})
	build.Set(1)
	registry.MustRegister(build, collector{p.source}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "deepdist_page_listeners", Help: "Browsers that listen to the page's events."},
			func() float64 { return float64(len(p.streams)) }))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true, MaxRequestsInFlight: maxScrapes})
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// runMetrics are the figures of the run, one time series each.
var runMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(f *figures.Figures) float64
}{
	{run("training_id", "Number of the training within the session; 0 before the first."), gauge, func(f *figures.Figures) float64 { return float64(f.TrainingID) }},
	{run("epochs", "Epochs that the training has."), gauge, func(f *figures.Figures) float64 { return float64(f.Epochs) }},
	{run("epochs_done", "Epochs that are over."), gauge, func(f *figures.Figures) float64 { return float64(len(f.EpochsDone)) }},
	{run("words_total", "Words trained and applied to the model, over all epochs."), counter, func(f *figures.Figures) float64 { return float64(f.Words) }},
	{run("goal_words", "Words that the training has, over all epochs."), gauge, func(f *figures.Figures) float64 { return float64(f.TotalWords) }},
	{run("words_per_second", "Words applied per second, over the last seconds."), gauge, func(f *figures.Figures) float64 { return f.WordsPerSecond }},
	{run("alpha", "Learning rate now."), gauge, func(f *figures.Figures) float64 { return float64(f.Alpha) }},
	{run("loss", "Mean loss over the last pushes; 0 when none is reported."), gauge, func(f *figures.Figures) float64 { return f.Loss }},
	{run("eta_seconds", "Estimated time until the training is done; 0 when not known."), gauge, func(f *figures.Figures) float64 { return f.ETASeconds }},
	{run("version", "Deltas applied to the model."), gauge, func(f *figures.Figures) float64 { return float64(f.Version) }},
	{run("pushes_total", "Pushes applied."), counter, func(f *figures.Figures) float64 { return float64(f.Pushes) }},
	{run("moved_pushes_total", "Pushes that came too late; nothing of them was applied."), counter, func(f *figures.Figures) float64 { return float64(f.Moved) }},
	{run("refused_pushes_total", "Pushes that could not be applied: not finite, or of a wrong name or shape."), counter, func(f *figures.Figures) float64 { return float64(f.Refused) }},
	{run("updates_total", "Gradients applied by the descent of an any-model training, or slices that changed a vector."), counter, func(f *figures.Figures) float64 { return float64(f.Updates) }},
	{run("partitions", "Partitions that the present phase works through."), gauge, func(f *figures.Figures) float64 { return float64(f.Partitions) }},
	{run("partitions_done", "Partitions that the present phase is done with."), gauge, func(f *figures.Figures) float64 { return float64(f.PartitionsDone) }},
	{run("passes_total", "Passes over a partition, one per epoch, that have ended."), counter, func(f *figures.Figures) float64 { return float64(f.Passes) }},
	{run("own_passes_total", "Of these, the ones trained by the worker that ingested the partition first, from that spool."), counter, func(f *figures.Figures) float64 { return float64(f.OwnPasses) }},
	{run("ingested_rows_total", "Rows of the RDD ingested."), counter, func(f *figures.Figures) float64 { return float64(f.Rows) }},
	{run("ingested_records_total", "Sentences ingested, after splitting long ones."), counter, func(f *figures.Figures) float64 { return float64(f.Records) }},
	{run("ingested_words_total", "Words ingested, before pruning the vocabulary."), counter, func(f *figures.Figures) float64 { return float64(f.IngestedWords) }},
	{run("vocabulary_words", "Distinct words in the vocabulary."), gauge, func(f *figures.Figures) float64 { return float64(f.VocabularySize) }},
	{run("workers", "Workers that have joined and not left."), gauge, present},
	{run("training_failed", "1 after the training was closed by an error."), gauge, func(f *figures.Figures) float64 { return one(f.Phase == figures.PhaseFailed) }},
}

// workerMetrics are the figures of each worker.
var workerMetrics = []struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(w *figures.Worker) float64
}{
	{worker("threads", "Threads that train, one per task slot lent to the worker."), gauge, func(w *figures.Worker) float64 { return float64(w.Threads) }},
	{worker("words_total", "Words the worker has trained."), counter, func(w *figures.Worker) float64 { return float64(w.Words) }},
	{worker("words_per_second", "Words the worker trains per second, over the last seconds."), gauge, func(w *figures.Worker) float64 { return w.WordsPerSecond }},
	{worker("pushes_total", "Pushes of the worker."), counter, func(w *figures.Worker) float64 { return float64(w.Pushes) }},
	{worker("pulled_bytes_total", "Bytes of rows that the worker has pulled."), counter, func(w *figures.Worker) float64 { return float64(w.PulledBytes) }},
	{worker("pushed_bytes_total", "Bytes of deltas of the worker that were applied."), counter, func(w *figures.Worker) float64 { return float64(w.PushedBytes) }},
	{worker("staleness", "Mean number of versions between pull and push, over the last pushes."), gauge, func(w *figures.Worker) float64 { return w.Staleness }},
	{worker("resident_memory_bytes", "Resident memory of the sidecar."), gauge, func(w *figures.Worker) float64 { return float64(w.RSSBytes) }},
	{worker("replica_bytes", "Memory of the worker's copy of the model."), gauge, func(w *figures.Worker) float64 { return float64(w.ReplicaBytes) }},
	{worker("spool_bytes", "Disk that the worker's spools take."), gauge, func(w *figures.Worker) float64 { return float64(w.SpoolBytes) }},
}

var (
	phases    = []string{figures.PhaseIdle, figures.PhaseIngest, figures.PhaseVocabulary, figures.PhaseTraining, figures.PhaseDone, figures.PhaseFailed}
	phaseDesc = prometheus.NewDesc("deepdist_phase", "1 for the phase that the session is in.", []string{"phase"}, nil)
	infoDesc  = prometheus.NewDesc("deepdist_worker_info", "Always 1; the labels tell of the worker.", []string{"worker", "host", "pid", "kernel", "state"}, nil)
)

func run(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("deepdist_"+name, help, nil, nil)
}

func worker(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("deepdist_worker_"+name, help, []string{"worker", "host"}, nil)
}

func present(f *figures.Figures) (n float64) {
	for _, w := range f.Workers {
		n += one(w.State != stateLeft)
	}
	return n
}

const stateLeft = "left"

func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// collector takes one look per scrape, so that the figures of a scrape fit together.
type collector struct{ source figures.Source }

func (collector) Describe(to chan<- *prometheus.Desc) {
	for _, m := range runMetrics {
		to <- m.desc
	}
	for _, m := range workerMetrics {
		to <- m.desc
	}
	to <- phaseDesc
	to <- infoDesc
}

func (c collector) Collect(to chan<- prometheus.Metric) {
	f := c.source.Figures()
	for _, m := range runMetrics {
		to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&f))
	}
	for _, phase := range phases {
		to <- prometheus.MustNewConstMetric(phaseDesc, gauge, one(f.Phase == phase), phase)
	}
	for i := range f.Workers {
		w := &f.Workers[i]
		for _, m := range workerMetrics {
			to <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(w), label(w.WorkerID), label(w.Host))
		}
		to <- prometheus.MustNewConstMetric(infoDesc, gauge, 1,
			label(w.WorkerID), label(w.Host), strconv.FormatInt(w.PID, 10), label(w.Kernel), label(w.State))
	}
}

// label makes any string one that a label may have: the library panics over others.
func label(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
