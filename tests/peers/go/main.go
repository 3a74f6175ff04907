// A job that pushes with prometheus/client_golang, whose default format is delimited protobuf.
//
// Arguments: the gateway's URL, the verb (push, add or delete), the job, and grouping labels as name=value.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/push"
)

func main() {
	pusher := push.New(os.Args[1], os.Args[3])
	for _, label := range os.Args[4:] {
		name, value, _ := strings.Cut(label, "=")
		pusher = pusher.Grouping(name, value)
	}
	for _, collector := range collectors() {
		pusher = pusher.Collector(collector)
	}
	verbs := map[string]func() error{"push": pusher.Push, "add": pusher.Add, "delete": pusher.Delete}
	if err := verbs[os.Args[2]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func collectors() []prometheus.Collector {
	rows := prometheus.NewCounterVec(
		prometheus.CounterOpts{Name: "go_rows_total", Help: "Rows \"handled\" \\ done."}, []string{"table"})
	rows.WithLabelValues("a\"b\\c\nd😀").Add(5)
	rows.WithLabelValues("").(prometheus.ExemplarAdder).AddWithExemplar(
		2.5, prometheus.Labels{"trace_id": "0af7"})

	level := prometheus.NewGauge(prometheus.GaugeOpts{Name: "go_level", Help: "A level."})
	level.Set(-0.25)

	classic := prometheus.NewHistogram(
		prometheus.HistogramOpts{Name: "go_seconds", Help: "Seconds.", Buckets: []float64{0.5, 1}})
	native := prometheus.NewHistogram(
		prometheus.HistogramOpts{Name: "go_native_seconds", Help: "Seconds.", NativeHistogramBucketFactor: 2})
	summary := prometheus.NewSummary(prometheus.SummaryOpts{
		Name: "go_bytes", Help: "Bytes.", Objectives: map[float64]float64{0.5: 0.01, 0.99: 0.001}})
	for _, seconds := range []float64{0, 0.25, 0.75, 3, 3.5, -6} {
		classic.Observe(seconds)
		native.Observe(seconds)
		summary.Observe(seconds)
	}
	return []prometheus.Collector{rows, level, classic, native, summary}
}
