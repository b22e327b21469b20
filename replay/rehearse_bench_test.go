package replay_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// fiftySteps is a log of fifty operations, and the function that has written it: of the last one, a
// wait, the end is not in the log.
func fiftySteps(tb testing.TB) (*replay.Function[op.None, int], checkpoint.Invocation) {
	tb.Helper()
	type payment struct {
		ID     string
		Amount int
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		sum := 0
		for i := range 49 {
			p, err := replay.Run(ctx, op.Step(fmt.Sprintf("charge-%d", i), func(context.Context) (payment, error) { return payment{"p", i}, nil }))
			if err != nil {
				return 0, err
			}
			sum += p.Amount
		}
		return sum, replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	})
	svc := local.New(local.WithClock(local.NewVirtualClock(dawn)))
	defer svc.Close()
	if err := svc.Host("order", f); err != nil {
		tb.Fatal(err)
	}
	e, err := svc.Start(tb.Context(), "order", "", []byte("null"))
	if err == nil {
		err = e.RunUntilSuspended(tb.Context())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return f, e.Log()
}

// TestRehearsalAllocatesAtMostThreeHundredTimes counts a rehearsal of fifty operations: four times
// an operation, of which three are the handler's own, and what there is once.
//
//nolint:paralleltest // counts allocations of the whole process
func TestRehearsalAllocatesAtMostThreeHundredTimes(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates by itself")
	}
	f, log := fiftySteps(t)
	n := testing.AllocsPerRun(20, func() {
		if r, err := f.Rehearse(t.Context(), log); err != nil || r.Verdict != replay.VerdictFits || len(r.Lossy) > 0 {
			t.Fatal(r, err)
		}
	})
	if n > 300 {
		t.Errorf("a rehearsal of fifty operations allocates %v times, at most 300 are allowed", n)
	}
}

// BenchmarkRehearse rehearses a log of fifty operations; beside it the same function is invoked
// with the same log, and encoding/json alone decodes and encodes its results, which a rehearsal
// cannot do without: it finds out what is lost of them.
func BenchmarkRehearse(b *testing.B) {
	f, log := fiftySteps(b)
	b.Run("rehearse", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r, err := f.Rehearse(b.Context(), log); err != nil || r.Verdict != replay.VerdictFits {
				b.Fatal(r, err)
			}
		}
	})
	b.Run("json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range log.Operations {
				if o := &log.Operations[i]; o.Kind == checkpoint.KindStep {
					var p struct {
						ID     string
						Amount int
					}
					if err := json.Unmarshal(o.Payload.Bytes(), &p); err != nil {
						b.Fatal(err)
					}
					if _, err := json.Marshal(p); err != nil {
						b.Fatal(err)
					}
				}
			}
		}
	})
	b.Run("invoke", func(b *testing.B) {
		log.Token = "1"
		event, err := checkpoint.EncodeInvocation(log)
		if err != nil {
			b.Fatal(err)
		}
		ctx := checkpoint.WithClient(b.Context(), new(acceptor))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Invoke(ctx, event); err != nil {
				b.Fatal(err)
			}
		}
	})
}
