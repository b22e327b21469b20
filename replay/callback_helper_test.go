package replay_test

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
)

// answer is what outside systems send in tests.
type answer struct {
	By string `json:"by"`
}

// run runs an execution until it is suspended or has ended.
func (h *home) run(tb testing.TB, e *local.Execution) {
	tb.Helper()
	if err := e.RunUntilSuspended(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// finish drives an execution to its end.
func (h *home) finish(tb testing.TB, e *local.Execution) {
	tb.Helper()
	if err := e.Drive(tb.Context()); err != nil {
		tb.Fatalf("drive: %v\n%s", err, strings.Join(history(e), "\n"))
	}
}

// must fails the test for an error of the service.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// recordOf returns the record with this wire name.
func recordOf(tb testing.TB, e *local.Execution, name string) checkpoint.Operation {
	tb.Helper()
	ops := e.Operations()
	i := slices.IndexFunc(ops, func(o checkpoint.Operation) bool { return o.Name == name })
	if i < 0 {
		tb.Fatalf("no record %s in\n%s", name, strings.Join(history(e), "\n"))
	}
	return ops[i]
}

// names are the wire names of the records below an execution, in the order they were made.
func names(e *local.Execution) []string {
	var all []string
	for _, o := range e.Operations() {
		if o.Kind != checkpoint.KindExecution {
			all = append(all, o.Name)
		}
	}
	return all
}

// endedAs says how an operation ended, with everything that code may branch on.
func endedAs(v any, err error) string {
	if err == nil {
		if b, ok := v.([]byte); ok {
			v = string(b)
		}
		return fmt.Sprintf("%#v", v)
	}
	parts := []string{err.Error()}
	if e, ok := errors.AsType[*op.Error](err); ok {
		parts = append(parts, e.Kind, e.Type, e.Path)
		if e.Data != "" {
			parts = append(parts, "data "+e.Data)
		}
	}
	if _, ok := errors.AsType[*codec.Error](err); ok {
		parts = append(parts, "codec error")
	}
	for _, known := range []error{op.ErrHeartbeatMissed, op.ErrTimedOut, op.ErrStopped, op.ErrNotMet, op.ErrInterrupted, errDenied} {
		if errors.Is(err, known) {
			parts = append(parts, "is "+known.Error())
		}
	}
	return strings.Join(parts, " | ")
}

var errDenied = errors.New("denied")

// notes are what a handler has seen, invocation by invocation.
type notes struct {
	mu   sync.Mutex
	seen []string
}

func (n *notes) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.seen = append(n.seen, text)
}

// same returns the one thing that was seen, as often as want says, and fails the test for others.
func (n *notes) same(tb testing.TB, want int) string {
	tb.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.seen) != want {
		tb.Fatalf("seen %d times, want %d: %q", len(n.seen), want, n.seen)
	}
	for _, s := range n.seen {
		if s != n.seen[0] {
			tb.Errorf("a replay saw something else: %q", n.seen)
		}
	}
	return n.seen[0]
}

// twice is a handler that runs o, notes what came of it, and then waits two times, so that what
// came of o is seen by three invocations: the first run and two replays.
func twice[T any](n *notes, o func(ctx op.Context) (T, error), opts ...replay.HandlerOption) *replay.Function[op.None, op.None] {
	return replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		v, err := o(ctx)
		n.add(endedAs(v, err))
		for _, name := range []string{"after", "later"} {
			if err := replay.Exec(ctx, op.Wait(name, time.Second)); err != nil {
				return op.None{}, err
			}
		}
		return op.None{}, nil
	}, append([]replay.HandlerOption{replay.WithErrors(codec.Sentinel("Denied", errDenied)), replay.WithLogHandler(slog.DiscardHandler)}, opts...)...)
}
