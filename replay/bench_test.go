package replay_test

import (
	"context"
	"encoding/json"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// replayed is the number of steps in the replay benchmarks: the most operations an execution may
// have (AWS quotas: 3,000 durable operations per execution).
const replayed = 3000

// replayShape is a handler's way to tell its steps apart.
type replayShape struct {
	name, reason string
	step         func(i int) op.Op[string]
	id           func(i int) (name, key string, occurrence int)
}

// replayShapes returns the ways that cost differently.
func replayShapes() []replayShape {
	echo := func(_ context.Context, i int) (string, error) { return "", nil }
	builder := op.StepFunc("charge-card", echo)
	keys := make([]string, replayed)
	builders := make([]op.Builder[int, string], replayed)
	names := make([]string, replayed)
	for i := range keys {
		keys[i] = "SKU-" + strconv.Itoa(i)
		names[i] = "charge-card-" + strconv.Itoa(i)
		builders[i] = op.StepFunc(names[i], echo)
	}
	return []replayShape{
		{
			"names", "as in a handler that reads from top to bottom",
			func(i int) op.Op[string] { return builders[i](i) },
			func(i int) (string, string, int) { return names[i], "", 0 },
		},
		{
			"occurrences", "one name in a loop",
			func(i int) op.Op[string] { return builder(i) },
			func(i int) (string, string, int) { return "charge-card", "", i },
		},
		{
			"keys", "one name in a loop over items",
			func(i int) op.Op[string] { return builder(i).Key(keys[i]) },
			func(i int) (string, string, int) { return "charge-card", keys[i], 0 },
		},
	}
}

// stepsEvent is the event of an execution whose n steps have succeeded with a string of size bytes.
func stepsEvent(tb testing.TB, n, size int, id func(i int) (name, key string, occurrence int)) []byte {
	tb.Helper()
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ops := []checkpoint.Operation{{
		ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
		Start: at, Payload: checkpoint.TextPayload(`null`),
	}}
	result := checkpoint.TextPayload(`"` + strings.Repeat("x", size-2) + `"`)
	for i := range n {
		name, key, occurrence := id(i)
		ops = append(ops, checkpoint.Operation{
			ID: checkpoint.ID("", name, key, occurrence), Name: checkpoint.WireName(name, key),
			Kind: checkpoint.KindStep, SubType: "Step", Status: checkpoint.StatusSucceeded,
			Start: at, End: at.Add(time.Duration(i) * time.Millisecond), Attempt: 1, Payload: result,
		})
	}
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN:        "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a",
		Token:      "token-0",
		Operations: ops,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return event
}

// replaySteps is a handler that runs n steps and then waits.
func replaySteps(n int, step func(i int) op.Op[string]) *replay.Function[op.None, op.None] {
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range n {
			if _, err := replay.Run(ctx, step(i)); err != nil {
				return op.None{}, err
			}
		}
		return replay.Run(ctx, op.Wait("next", time.Hour))
	})
}

// eventJSON is the least that encoding/json can be asked to do with an event of steps.
type eventJSON struct {
	DurableExecutionArn   string
	CheckpointToken       string
	InitialExecutionState struct {
		Operations []struct {
			ID          string `json:"Id"`
			ParentID    string `json:"ParentId"`
			Name        string
			Type        string
			SubType     string
			Status      string
			Start       int64 `json:"StartTimestamp"`
			End         int64 `json:"EndTimestamp"`
			StepDetails *struct {
				Attempt int
				Result  string
			}
		}
		NextMarker string
	}
}

// BenchmarkReplay measures 3,000 completed steps with results of 100 bytes, from the bytes of the
// event to the next operation: decoding, matching, and the value in the handler's hands. What
// encoding/json needs to decode the same event is measured beside it.
func BenchmarkReplay(b *testing.B) {
	for _, shape := range replayShapes() {
		event := stepsEvent(b, replayed, 100, shape.id)
		b.Run(shape.name, func(b *testing.B) {
			f := replaySteps(replayed, shape.step)
			ctx := checkpoint.WithClient(b.Context(), new(acceptor))
			perStep(b, func() {
				out, err := f.Invoke(ctx, event)
				if err != nil || string(out) != `{"Status":"PENDING"}` {
					b.Fatal(string(out), err)
				}
			})
		})
		b.Run(shape.name+"/encoding-json", func(b *testing.B) {
			perStep(b, func() {
				var e eventJSON
				if err := json.Unmarshal(event, &e); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

// perStep runs f and reports what it costs per step.
func perStep(b *testing.B, f func()) {
	b.Helper()
	b.ReportAllocs()
	f() // what is made once
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/replayed, "ns/step")
	b.ReportMetric(testing.AllocsPerRun(1, f)/replayed, "allocs/step")
}

// BenchmarkSequentialSteps measures 100 steps, one after the other, against a service that takes
// 10 ms to answer. A round trip is what the same client needs for a call without anything around
// it, and a body takes what it takes without anything around it, both measured in the same run.
func BenchmarkSequentialSteps(b *testing.B) {
	const steps = 100
	for _, body := range []time.Duration{0, 2 * time.Millisecond, 9 * time.Millisecond, 15 * time.Millisecond, 50 * time.Millisecond} {
		b.Run("body="+body.String(), func(b *testing.B) {
			const probes = 20
			round := mean(probes, func() {
				if _, err := (&acceptor{trip: trip}).Checkpoint(b.Context(), checkpoint.CheckpointInput{}); err != nil {
					b.Fatal(err)
				}
			})
			slept := mean(probes, func() { time.Sleep(body) })
			calls, starts := 0, 0
			for b.Loop() {
				a := &acceptor{trip: trip}
				f := sequence(steps, body, func(int) {})
				invoke(checkpoint.WithClient(b.Context(), a), b, f)
				c, s := a.count(checkpoint.ActionStart)
				calls, starts = calls+c, starts+s
			}
			n := float64(b.N * steps)
			b.ReportMetric(float64(calls)/n, "calls/step")
			b.ReportMetric(float64(starts)/n, "starts/step")
			b.ReportMetric((float64(b.Elapsed())/n-float64(slept))/float64(round), "round-trips/step")
		})
	}
}

// mean runs f and returns how long it takes on average.
func mean(times int, f func()) time.Duration {
	began := time.Now()
	for range times {
		f()
	}
	return time.Since(began) / time.Duration(times)
}

// BenchmarkSuspend measures a scope that has nothing left to do: from the last line of the handler
// that runs, which waits for a timer, to the reply. The floor is what the same run needs to close a
// channel, end the goroutine that waits for it, and join it.
func BenchmarkSuspend(b *testing.B) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	id := checkpoint.ID("", "next", "", 0)
	event, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN: "arn", Token: "token-0", Operations: []checkpoint.Operation{
			{ID: "8f3c1a", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: at},
			{
				ID: id, Name: "next", Kind: checkpoint.KindWait, SubType: "Wait", Status: checkpoint.StatusStarted,
				Start: at, ScheduledEnd: at.Add(100 * 365 * 24 * time.Hour),
			},
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("scope", func(b *testing.B) {
		var last time.Time
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			last = time.Now()
			return replay.Run(ctx, op.Wait("next", time.Hour))
		})
		ctx := checkpoint.WithClient(b.Context(), new(acceptor))
		var took time.Duration
		for b.Loop() {
			out, err := f.Invoke(ctx, event)
			took += time.Since(last)
			if err != nil || string(out) != `{"Status":"PENDING"}` {
				b.Fatal(string(out), err)
			}
		}
		b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/suspend")
	})
	b.Run("floor", func(b *testing.B) {
		var took time.Duration
		for b.Loop() {
			gate := make(chan struct{})
			var group sync.WaitGroup
			group.Go(func() {
				<-gate
				runtime.Goexit()
			})
			runtime.Gosched()
			last := time.Now()
			close(gate)
			group.Wait()
			took += time.Since(last)
		}
		b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/suspend")
	})
}
