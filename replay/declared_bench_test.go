package replay_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/cputime"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// BenchmarkDeclared replays 500 recorded steps that are declared changes, and as many that are not,
// in turn: what it reports is the time of processors that a declared operation takes over that of a
// plain one.
func BenchmarkDeclared(b *testing.B) {
	const steps = 500
	step := says
	names := func(prefix string) []string {
		all := make([]string, steps)
		for i := range all {
			all[i] = prefix + strconv.Itoa(i)
		}
		return all
	}
	recorded, others := names("s"), names("o")
	handler := func(at func(ctx op.Context, i int) error) local.Handler {
		return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			for i := range steps {
				if err := at(ctx, i); err != nil {
					return op.None{}, err
				}
			}
			return op.None{}, replay.Exec(ctx, op.Wait("w", time.Hour))
		})
	}
	run := func(o func(i int) op.Op[string]) func(ctx op.Context, i int) error {
		return func(ctx op.Context, i int) error {
			_, err := replay.Run(ctx, o(i))
			return err
		}
	}
	plain := handler(run(func(i int) op.Op[string] { return step(recorded[i]) }))
	var event []byte
	calls := 0
	drive(b, local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		calls++
		event = slices.Clone(payload)
		return plain.Invoke(ctx, payload)
	}), "null")
	if calls != 2 {
		b.Fatalf("%d invocations", calls)
	}
	once := func(h local.Handler) time.Duration {
		payload := slices.Clone(event)
		ctx := checkpoint.WithClient(context.Background(), new(acceptor))
		return cputime.Of(func() {
			if _, err := h.Invoke(ctx, payload); err != nil {
				b.Fatal(err)
			}
		})
	}
	rows := []struct {
		name string
		at   func(ctx op.Context, i int) error
	}{
		{"added", run(func(i int) op.Op[string] { return op.Added(step(recorded[i]), "") })},
		{"new side", run(func(i int) op.Op[string] { return op.Replaces(step(recorded[i]), step(others[i])) })},
		{"old side", run(func(i int) op.Op[string] { return op.Replaces(step(others[i]), step(recorded[i])) })},
		{"was", run(func(i int) op.Op[string] { return step(others[i]).Was(recorded[i]) })},
		{"removed", func(ctx op.Context, i int) error {
			_, err := replay.Run(ctx, op.Removed(step(recorded[i])))
			return err
		}},
	}
	for _, row := range rows {
		h := handler(row.at)
		b.Run(row.name, func(b *testing.B) {
			var declared, undeclared []time.Duration
			for b.Loop() {
				undeclared = append(undeclared, once(plain))
				declared = append(declared, once(h))
			}
			slices.Sort(declared)
			slices.Sort(undeclared)
			b.ReportMetric(float64(declared[len(declared)/2])/float64(undeclared[len(undeclared)/2]), "ratio")
			b.ReportMetric(float64(undeclared[len(undeclared)/2])/steps, "plain-ns/op")
		})
	}
}
