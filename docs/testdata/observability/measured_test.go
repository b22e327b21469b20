package page

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// body is how long the body takes on the real clock, and pause how long the step pauses between its
// attempts, and the execution after it.
const (
	body  = 20 * time.Millisecond
	pause = time.Second
)

// charged is a function whose step fails once, takes a while and is retried, and that waits then.
func charged(watch ...replay.Interceptor) *replay.Function[op.None, op.None] {
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		charge := op.Do("charge", func(ctx context.Context) error {
			time.Sleep(body)
			if info, _ := op.InfoFrom(ctx); info.Attempt == 1 {
				return errors.New("throttled")
			}
			return nil
		}, op.WithRetry(retry.Fixed(pause)))
		quick := op.Do("quick", func(context.Context) error { time.Sleep(body); return nil })
		for _, o := range []op.Op[op.None]{charge, quick, op.Wait("cool-off", pause)} {
			if err := replay.Exec(ctx, o); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}, replay.WithInterceptors(watch...))
}

// measured is a list of what was recorded.
type measured struct {
	mu   sync.Mutex
	list []measure
}

type measure struct {
	Name, Outcome string
	took          time.Duration
}

func (m *measured) record(name, outcome string, took time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.list = append(m.list, measure{name, outcome, took})
}

// bound is what a duration must lie between.
type bound struct{ least, most time.Duration }

// clocks are the kit, whose clock stands still while bodies run, and the real clock. Between are
// the bounds of an attempt, a step without pauses, and what has one pause in it.
var clocks = []struct {
	name                string
	run                 func(t *testing.T, f *replay.Function[op.None, op.None])
	attempt, step, late bound
}{{
	name: "kit",
	run: func(t *testing.T, f *replay.Function[op.None, op.None]) {
		if r := replaytest.Run(t, f, op.None{}); r.Err != nil {
			t.Fatal(r.Err)
		}
	},
	attempt: bound{0, 0}, step: bound{0, 0}, late: bound{pause, pause},
}, {
	name: "real clock",
	run: func(t *testing.T, f *replay.Function[op.None, op.None]) {
		svc := local.New()
		defer func() { _ = svc.Close() }()
		if _, err := svc.Run(t.Context(), f, []byte("{}")); err != nil {
			t.Fatal(err)
		}
	},
	attempt: bound{body, 10 * time.Second}, late: bound{pause, 20 * time.Second},
	step: bound{body - time.Millisecond, 10 * time.Second}, // records are exact to the millisecond
}}

func TestMetricsMeasure(t *testing.T) {
	for _, clock := range clocks {
		t.Run(clock.name, func(t *testing.T) {
			var m measured
			clock.run(t, charged(metrics(m.record)))
			want := []struct {
				measure
				bound
			}{
				{measure{"charge", "FAILED", 0}, clock.attempt},
				{measure{"charge", "SUCCEEDED", 0}, clock.attempt},
				{measure{"charge", "SUCCEEDED", 0}, clock.late}, // the operation
				{measure{"quick", "SUCCEEDED", 0}, clock.attempt},
				{measure{"quick", "SUCCEEDED", 0}, clock.step}, // the operation, whose start was held back
				{measure{"cool-off", "SUCCEEDED", 0}, clock.late},
			}
			if len(m.list) != len(want) {
				t.Fatalf("%d measures, want %d: %+v", len(m.list), len(want), m.list)
			}
			for i, w := range want {
				got := m.list[i]
				if got.Name != w.Name || got.Outcome != w.Outcome || got.took < w.least || got.took > w.most {
					t.Errorf("measure %d: %+v, want %s %s between %v and %v", i, got, w.Name, w.Outcome, w.least, w.most)
				}
			}
		})
	}
}

func TestTracesMeasure(t *testing.T) {
	type span struct {
		name  string
		began time.Time
	}
	type key struct{}
	for _, clock := range clocks {
		t.Run(clock.name, func(t *testing.T) {
			var m measured
			start := func(ctx context.Context, name string, at time.Time) context.Context {
				return context.WithValue(ctx, key{}, span{name, at})
			}
			end := func(ctx context.Context, outcome string, at time.Time) {
				s, _ := ctx.Value(key{}).(span)
				m.record(s.name, outcome, at.Sub(s.began))
			}
			clock.run(t, charged(traces(start, end)))
			want := []measure{{Name: "charge", Outcome: "FAILED"}, {Name: "charge", Outcome: "SUCCEEDED"}, {Name: "quick", Outcome: "SUCCEEDED"}}
			var got []measure
			for _, s := range m.list {
				if s.took < clock.attempt.least || s.took > clock.attempt.most {
					t.Errorf("a span of %s took %v, want between %v and %v", s.Name, s.took, clock.attempt.least, clock.attempt.most)
				}
				got = append(got, measure{Name: s.Name, Outcome: s.Outcome})
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(measure{})); diff != "" {
				t.Errorf("spans (-want +got):\n%s", diff)
			}
		})
	}
}
