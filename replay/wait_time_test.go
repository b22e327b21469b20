package replay_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// waitRecord is the record of a wait below the handler.
func waitRecord(name string, status checkpoint.Status, end time.Time) checkpoint.Operation {
	op := checkpoint.Operation{
		ID: oplog.ID("", name, "", 0), Name: name, SubType: "Wait", Kind: checkpoint.KindWait,
		Status: status, Start: dawn, Due: end,
	}
	if status.Terminal() {
		op.End = end
	}
	return op
}

// groupRecord is the record of a group below the handler.
func groupRecord(name string, status checkpoint.Status, change ...func(*checkpoint.Operation)) checkpoint.Operation {
	op := checkpoint.Operation{
		ID: oplog.ID("", name, "", 0), Name: name, SubType: "RunInChildContext", Kind: checkpoint.KindContext,
		Status: status, Start: dawn,
	}
	for _, f := range change {
		f(&op)
	}
	return op
}

// TestTimeOfAGroupBeginsWhereItWasStarted guards that a group that goes on beside its scope does
// not see how far the scope has come meanwhile.
func TestTimeOfAGroupBeginsWhereItWasStarted(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ op.None) (time.Time, error) {
		ahead := make(chan struct{})
		group := replay.Go(ctx, op.Group("order", func(ctx op.Context) (time.Time, error) {
			<-ahead
			return replay.Now(ctx), nil
		}))
		if err := replay.Exec(ctx, op.Wait("pause", time.Hour)); err != nil {
			return time.Time{}, err
		}
		close(ahead)
		return replay.Run(ctx, group.Result())
	})
	got := once(t, f, &tape{},
		groupRecord("order", checkpoint.StatusStarted), waitRecord("pause", checkpoint.StatusSucceeded, dawn.Add(time.Hour)))
	if want := `SUCCEEDED "2026-01-01T00:00:00Z"`; got != want {
		t.Errorf("answer %s, want %s", got, want)
	}
}

func TestNowIsTheLatestEndThatAScopeHasSeen(t *testing.T) {
	t.Parallel()
	var first, last []time.Duration
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		var seen []time.Duration
		look := func(ctx op.Context) { seen = append(seen, replay.Now(ctx).Sub(dawn)) }
		defer func() { last = seen }()
		look(ctx)
		if err := replay.Exec(ctx, op.Wait("first", time.Hour)); err != nil {
			return op.None{}, err
		}
		look(ctx)
		err := replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
			look(ctx)
			err := replay.Exec(ctx, op.Wait("second", time.Hour))
			look(ctx)
			return op.None{}, err
		}))
		look(ctx)
		if first == nil {
			first = seen
		}
		if err := replay.Exec(ctx, op.Wait("third", time.Hour)); err != nil {
			return op.None{}, err
		}
		look(ctx)
		return op.None{}, err
	}), "null")
	if end(e) != "SUCCEEDED {}" {
		t.Fatalf("the execution ended as %s", end(e))
	}
	h := time.Hour
	if diff := cmp.Diff([]time.Duration{0, h, h, 2 * h, 2 * h}, first); diff != "" {
		t.Errorf("the first time (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]time.Duration{0, h, 2 * h, 3 * h}, last); diff != "" {
		t.Errorf("replayed, the finished group not run (-want +got):\n%s", diff)
	}
}

func TestWaitUntil(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		until   time.Time
		history []string
	}{
		{"in the past of the scope it leaves no record", dawn.Add(30 * time.Minute), nil},
		{"at the scope's own time it leaves no record", dawn.Add(time.Hour), nil},
		{"in the future it is rounded up to whole seconds", dawn.Add(time.Hour + 1500*time.Millisecond), []string{"2s"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				if err := replay.Exec(ctx, op.Wait("hour", time.Hour)); err != nil {
					return op.None{}, err
				}
				if err := replay.Exec(ctx, op.WaitUntil("until", tt.until)); err != nil {
					return op.None{}, err
				}
				return op.None{}, replay.Exec(ctx, op.Do("last", func(context.Context) error { return nil }))
			}), "null")
			var got []string
			for _, ev := range e.History() {
				if ev.Type == "WaitStarted" && ev.Name == "until" {
					got = append(got, ev.Duration.String())
				}
			}
			if diff := cmp.Diff(tt.history, got); diff != "" || end(e) != "SUCCEEDED {}" {
				t.Errorf("waits (-want +got):\n%s, end %s", diff, end(e))
			}
		})
	}
}
