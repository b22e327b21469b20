package replaytest_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

// TestWordsOfTheUsersAreNoSign: what Explore concludes from errors and events it does not conclude
// from words that a user's message may have, too.
func TestWordsOfTheUsersAreNoSign(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"no pending operations", "nothing is pending in the service", "replay: nothing can go on and nothing is pending in the service",
		"diverged", "Interrupted", `{"name":"Interrupted"}`, "not deterministic",
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
				err := replay.Exec(ctx, op.Do("say", func(context.Context) error { return errors.New(text) }, op.WithRetry(retry.Never())))
				if err == nil {
					return "", nil
				}
				return "", replay.Exec(ctx, op.Do("repeat", func(context.Context) error { return &op.Error{Type: "Said", Message: text} }, op.WithRetry(retry.Never())))
			})
			r := replaytest.Explore(t, f, 1, replaytest.WithSchedules(3))
			if r.Interrupted != 0 {
				t.Errorf("%d executions count as interrupted", r.Interrupted)
			}
		})
	}
}

// TestNothingPendingIsASign: an invocation in which nothing can go on fails with an error that
// errors.Is knows, and one that the service refuses because nothing is pending has an event that
// says so.
func TestNothingPendingIsASign(t *testing.T) {
	t.Parallel()
	const words = "Cannot return PENDING status with no pending operations."
	var inner *replay.Future[string]
	itself := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		ready := make(chan struct{})
		inner = replay.Go(ctx, op.Group("order", func(ctx op.Context) (string, error) {
			<-ready
			return replay.Run(ctx, inner.Result()) // nothing can go on
		}))
		close(ready)
		return replay.Run(ctx, inner.Result())
	}, replay.WithLogHandler(slog.DiscardHandler))
	var failed error
	for _, tt := range []struct {
		reason      string
		handler     local.HandlerFunc
		event, sign bool
	}{
		{"it suspends for nothing", func(context.Context, []byte) ([]byte, error) { return []byte(`{"Status":"PENDING"}`), nil }, true, false},
		{"it says the same words", func(context.Context, []byte) ([]byte, error) { return nil, errors.New(words) }, false, false},
		{"it waits for itself", itself.Invoke, false, true},
	} {
		s := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))))
		defer s.Close()
		if err := s.Host("f", local.HandlerFunc(func(ctx context.Context, event []byte) (out []byte, err error) {
			out, failed = tt.handler(ctx, event)
			return out, failed
		})); err != nil {
			t.Fatal(err)
		}
		e, err := s.Start(t.Context(), "f", "", []byte(`1`))
		if err == nil {
			err = e.RunUntilSuspended(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		last := e.History()[len(e.History())-1]
		if last.Type != local.EventInvocationCompleted || last.Failure == nil || last.NothingPending() != tt.event {
			t.Errorf("%s: %s with %v says that nothing was pending: %t, want %t", tt.reason, last.Type, last.Failure, last.NothingPending(), tt.event)
		}
		if errors.Is(failed, replay.ErrNothingPending) != tt.sign {
			t.Errorf("%s: %v is ErrNothingPending: %t, want %t", tt.reason, failed, !tt.sign, tt.sign)
		}
	}
}

// TestResultsWithATimeAreHinted: a result that holds a time of replay.Now differs when an
// interruption has taken time.
func TestResultsWithATimeAreHinted(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ int) (string, error) {
		if err := replay.Exec(ctx, op.Do("a", func(context.Context) error { return nil })); err != nil {
			return "", err
		}
		return replay.Now(ctx).Format(time.RFC3339Nano), nil
	})
	got := record(t, func(tb *recorder) { replaytest.Explore(tb, f, 1, replaytest.WithSchedules(0)) })
	if all := strings.Join(got.errs, "\n"); !strings.Contains(all, "undisturbed it is") || !strings.Contains(all, "replay.Now") || !strings.Contains(all, "Equal says which results count as the same") {
		t.Errorf("no hint at Equal: %s", all)
	}
	replaytest.Explore(t, f, 1, replaytest.WithSchedules(0), replaytest.WithEqual(func(want, got string) bool { return len(want) > 0 && len(got) > 0 }))
}
