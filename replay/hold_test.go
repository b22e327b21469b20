package replay_test

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// edit is how code differs from the code that began an execution.
type edit struct {
	rename   map[string]string
	leaveOut string
	first    string // a step before all others
}

// orders is a function that charges, packs and waits beside an approval, and sends a mail. It counts
// the runs of its bodies.
type orders struct {
	mu   sync.Mutex
	runs map[string]int
}

func (o *orders) code(e edit) *replay.Function[op.None, string] {
	step := func(ctx op.Context, name string) error {
		if name == e.leaveOut || name == "" {
			return nil
		}
		if other, ok := e.rename[name]; ok {
			name = other
		}
		return replay.Exec(ctx, op.Do(name, func(context.Context) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.runs[name]++
			return nil
		}))
	}
	steps := func(names ...string) func(ctx op.Context) error {
		return func(ctx op.Context) error {
			for _, name := range names {
				if err := step(ctx, name); err != nil {
					return err
				}
			}
			return nil
		}
	}
	ship := op.Group("ship", func(ctx op.Context) (string, error) {
		if err := steps("pack")(ctx); err != nil {
			return "", err
		}
		if err := replay.Exec(ctx, op.Wait("cool-off", 24*time.Hour)); err != nil {
			return "", err
		}
		return "shipped", steps("label")(ctx)
	})
	approve := op.WaitForCallback[string]("approval", func(context.Context, string) error {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.runs["ask"]++
		return nil
	})
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		if err := steps(e.first, "charge")(ctx); err != nil {
			return "", err
		}
		said, err := replay.Run(ctx, op.All("both", ship, approve))
		if err != nil {
			return "", err
		}
		return strings.Join(said, ", "), steps("mail")(ctx)
	}, replay.WithDivergence(replay.DivergenceHold), replay.WithLogHandler(slog.DiscardHandler))
}

// TestHeldForAMonth: code that does not fit is deployed while an execution waits. It is paused for
// a month, longer than it may take, and is answered meanwhile; resumed under the same code it is
// paused again. The mended code ends it, and each body has run once.
func TestHeldForAMonth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		bad    edit
		says   string // the reason of the pause
	}{
		{"a step is renamed", edit{rename: map[string]string{"charge": "bill"}}, `"bill"`},
		{"a step comes before the others", edit{first: "check"}, `"check"`},
		{"a step has gone", edit{leaveOut: "charge"}, `"charge"`},
		{"a step of a branch is renamed", edit{rename: map[string]string{"pack": "wrap"}}, `"wrap"`},
		{"a step of a branch has gone", edit{leaveOut: "pack"}, `pack`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			o := &orders{runs: make(map[string]int)}
			h := newHome(t, local.WithExecutionTimeout(10*24*time.Hour))
			e := h.begin(t, o.code(edit{}), "null")
			run := func() { must(t, e.RunUntilSuspended(t.Context())) }
			run()

			must(t, h.Host("order", o.code(tt.bad)))
			h.Advance(24 * time.Hour)
			run()
			held := func(invocations int) {
				t.Helper()
				rec := e.Record()
				if rec.Status != local.StatusPaused || e.Invocations() != invocations || rec.FailedInRow != 0 {
					t.Fatalf("%s after %d invocations, %d of them failed; want PAUSED after %d",
						rec.Status, e.Invocations(), rec.FailedInRow, invocations)
				}
				if !strings.Contains(rec.Pause.Reason, "diverged") || !strings.Contains(rec.Pause.Reason, tt.says) {
					t.Errorf("it is paused because of %q, want what names %s", rec.Pause.Reason, tt.says)
				}
			}
			held(2)
			for _, rec := range e.Operations() {
				if rec.Kind == checkpoint.KindCallback {
					must(t, h.CompleteCallback(rec.CallbackID, []byte("fine")))
				}
			}
			days := func(n int) {
				for range n {
					h.Advance(24 * time.Hour)
					run()
				}
			}
			days(15)
			held(2)
			must(t, h.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}))
			run()
			held(3) // the code is as it was
			days(15)
			held(3)

			must(t, h.Host("order", o.code(edit{})))
			must(t, h.Resume(t.Context(), checkpoint.ResumeInput{ARN: e.ARN()}))
			must(t, e.Drive(t.Context()))
			if got, took := end(e), h.clock.Now().Sub(dawn); got != `SUCCEEDED "shipped, fine"` || took != 31*24*time.Hour {
				t.Errorf("it ended as %s after %v", got, took)
			}
			want := map[string]int{"charge": 1, "pack": 1, "ask": 1, "label": 1, "mail": 1}
			o.mu.Lock()
			defer o.mu.Unlock()
			if diff := cmp.Diff(want, maps.Clone(o.runs)); diff != "" {
				t.Errorf("the runs of the bodies (-want +got):\n%s", diff)
			}
		})
	}
}
