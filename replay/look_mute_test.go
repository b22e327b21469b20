package replay_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// heard is a writer of log records that may be used by several goroutines.
type heard struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.b.Write(p)
}

func (h *heard) count(text string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Count(h.b.String(), text)
}

// TestLookAheadIsNotHeard: what the function of a loser logs comes out once, though the function is
// gone through again to find out what is to be undone, and interceptors see nothing of that.
func TestLookAheadIsNotHeard(t *testing.T) {
	t.Parallel()
	for way := range abandonments() {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			h, r, log := newHome(t), newReservations(), &heard{}
			handler := slog.NewTextHandler(log, nil)
			var mu sync.Mutex
			groups := map[int]int{} // starts of the loser's group, by invocation
			invocation := 0
			e := h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return op.None{}, abandonments()[way](ctx, func(ctx op.Context) error {
					if err := execAll(ctx, r.step("x")); err != nil {
						return err
					}
					if err := execAll(ctx, op.Group("inside", func(ctx op.Context) (string, error) {
						return replay.Run(ctx, textStep("s", huge))
					})); err != nil {
						return err
					}
					ctx.Logger().Info("by the logger of the scope")
					slog.New(replay.LogHandler(handler)).InfoContext(ctx.InvocationContext(), "by the context of the scope")
					return nil
				})
			}, replay.WithLogHandler(handler), replay.WithInterceptors(replay.Interceptor{
				InvocationStart: func(context.Context, replay.InvocationInfo) { invocation++ },
				GroupStart: func(_ context.Context, g replay.GroupInfo) {
					mu.Lock()
					defer mu.Unlock()
					if strings.HasSuffix(g.Path, "/inside") {
						groups[invocation]++
					}
				},
			})), "null")
			if problem := r.judge(e); problem != "" {
				t.Error(problem)
			}
			for _, text := range []string{"by the logger of the scope", "by the context of the scope"} {
				if n := log.count(text); n != 1 {
					t.Errorf("%q came out %d times", text, n)
				}
			}
			for n, starts := range groups {
				if starts > 1 {
					t.Errorf("the group began %d times in invocation %d", starts, n)
				}
			}
		})
	}
}

// TestOnEndOfWhatIsLeftBehind: a scope that is left behind does not end, so that OnEnd does not run
// in it; what it has deferred does.
func TestOnEndOfWhatIsLeftBehind(t *testing.T) {
	t.Parallel()
	for way := range abandonments() {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := newReservations()
			var mu sync.Mutex
			got := map[string]bool{}
			note := func(text string) {
				mu.Lock()
				defer mu.Unlock()
				got[text] = true
			}
			e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				replay.OnEnd(ctx, func(context.Context, error) { note("end of the handler") })
				return op.None{}, abandonments()[way](ctx, func(ctx op.Context) error {
					replay.OnEnd(ctx, func(context.Context, error) { note("end of the loser") })
					if err := execAll(ctx, r.step("x")); err != nil {
						return err
					}
					defer note("deferred")
					return execAll(ctx, op.Wait("hours", 900*time.Hour))
				})
			}), "null")
			if e.Status() != local.StatusSucceeded {
				t.Errorf("ended as %s", end(e))
			}
			if diff := cmp.Diff(map[string]bool{"end of the handler": true, "deferred": true}, got); diff != "" {
				t.Errorf("what ran (-want +got):\n%s", diff)
			}
		})
	}
}
