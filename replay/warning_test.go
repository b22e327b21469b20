package replay_test

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/internal/turn"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestNearDeadlineSaysWhatHoldsItUp: a body that takes long, a branch that waits for a channel of
// the handler's own; nothing if all is over by then, or only the service is waited for.
func TestNearDeadlineSaysWhatHoldsItUp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		run    func(ctx op.Context, pass func(d time.Duration)) error
		want   string // the paths; none: no line
	}{
		{"a body", func(ctx op.Context, pass func(d time.Duration)) error {
			return replay.Exec(ctx, op.Do("long", func(context.Context) error { pass(59 * time.Second); return nil }))
		}, `"long"`},
		{"a body that ends in time", func(ctx op.Context, pass func(d time.Duration)) error {
			return replay.Exec(ctx, op.Do("long", func(context.Context) error { pass(58 * time.Second); return nil }))
		}, ""},
		{"the handler", func(_ op.Context, pass func(d time.Duration)) error {
			pass(59 * time.Second)
			return nil
		}, `the handler`},
		{"a branch that waits for another's channel", func(ctx op.Context, pass func(d time.Duration)) error {
			meet := make(chan struct{})
			waits := op.Group("waits", func(op.Context) (op.None, error) { <-meet; return op.None{}, nil })
			works := op.Group("works", func(ctx op.Context) (op.None, error) {
				err := replay.Exec(ctx, op.Do("work", func(context.Context) error { pass(59 * time.Second); return nil }))
				close(meet)
				return op.None{}, err
			})
			return replay.Exec(ctx, op.Parallel("both", []op.Op[op.None]{waits, works}))
		}, `"both[waits]", "both[works]/work"`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			book := &logBook{}
			h := newHome(t, local.WithFunctionTimeout(time.Minute))
			passed := false
			h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return op.None{}, tt.run(ctx, func(d time.Duration) {
					if !passed {
						passed = true
						h.clock.Advance(d)
					}
				})
			}, replay.WithLogHandler(book.handler(true))), "null")
			got := strings.Join(book.lines(), "\n")
			if tt.want == "" && got != "" || tt.want != "" && (strings.Count(got, "nearly over") != 1 ||
				!strings.Contains(strings.ReplaceAll(got, `\"`, `"`), `paths="`+tt.want+`"`)) {
				t.Errorf("logged %.600s\nwant %s", got, tt.want)
			}
		})
	}
}

// waitingBody, a log handler, closes a channel when a line is logged that begins with a text.
type waitingBody struct {
	slog.Handler
	logged chan struct{}
}

func (w waitingBody) Handle(ctx context.Context, r slog.Record) error {
	err := w.Handler.Handle(ctx, r)
	if strings.HasPrefix(r.Message, "the invocation's time is nearly over") {
		close(w.logged)
	}
	return err
}

func (w waitingBody) WithAttrs(attrs []slog.Attr) slog.Handler {
	return waitingBody{w.Handler.WithAttrs(attrs), w.logged}
}

// TestNearDeadlineNamesTheLine: of a body that hangs, the line is named in which it does, and its
// stack comes first; among thousands of other goroutines too, whose stacks do not fit a megabyte.
func TestNearDeadlineNamesTheLine(t *testing.T) { //nolint:paralleltest // the stacks are those of the process
	tests := []struct {
		reason string
		others int
	}{
		{"alone", 0},
		{"in a crowd", 8000},
	}
	for _, tt := range tests { //nolint:paralleltest // the stacks are those of the process
		t.Run(tt.reason, func(t *testing.T) {
			book, logged := &logBook{}, make(chan struct{})
			h := newHome(t, local.WithFunctionTimeout(time.Minute))
			over := make(chan struct{})
			var begun, others sync.WaitGroup
			begun.Add(tt.others)
			for range tt.others {
				others.Go(func() { waitsApart(&begun, over) })
			}
			begun.Wait()
			h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				return op.None{}, replay.Exec(ctx, op.Do("hangs", func(context.Context) error {
					var mu sync.WaitGroup
					mu.Go(func() { <-logged })
					go h.almostOver("hangsHere")
					hangsHere(&mu)
					return nil
				}))
			}, replay.WithLogHandler(waitingBody{book.handler(true), logged})), "null")
			close(over)
			others.Wait()
			got := strings.Join(book.lines(), "\n")
			for _, want := range []string{
				`waits="github.com/perdure/perdure/replay_test.hangsHere waits in sync.(*WaitGroup).Wait (warning_test.go:`,
				`stack="goroutine `,
			} {
				if !strings.Contains(got, want) {
					t.Errorf("%.900s has no %s", got, want)
				}
			}
			_, stack, _ := strings.Cut(got, "stack=")
			if first, _, _ := strings.Cut(stack, `\n\n`); !strings.Contains(first, "hangsHere") {
				t.Errorf("the first stack is not the body's: %.900s", first)
			}
		})
	}
}

// These are named in stacks.
//
//go:noinline
func hangsHere(mu *sync.WaitGroup) { mu.Wait() }

//go:noinline
func hangsThere(begun chan<- struct{}, until <-chan struct{}) { close(begun); <-until }

//go:noinline
func waitsApart(begun *sync.WaitGroup, until <-chan struct{}) { begun.Done(); <-until }

//go:noinline
func outlivesItsParent(begun *sync.WaitGroup, until <-chan struct{}) { begun.Done(); <-until }

//go:noinline
func beginsAndEnds(begun *sync.WaitGroup, until <-chan struct{}) { go outlivesItsParent(begun, until) }

// stackHas reports whether a goroutine of the process is in a function.
func stackHas(function string) bool {
	dump, _ := turn.Dump()
	return bytes.Contains(dump, []byte(function))
}

// waitsIn reports whether a goroutine of the process waits in a function for a wait group.
func waitsIn(function string) bool {
	dump, _ := turn.Dump()
	for stack := range bytes.SplitSeq(dump, []byte("\n\n")) {
		first, frames, _ := bytes.Cut(stack, []byte("\n"))
		if bytes.Contains(frames, []byte("replay_test."+function+"(")) && bytes.Contains(first, []byte("sync.WaitGroup.Wait")) {
			return true
		}
	}
	return false
}

// almostOver advances the clock to the warning of a function that has a minute, as soon as a
// goroutine waits in a function: before that its stack says something else.
func (h *home) almostOver(function string) {
	for !waitsIn(function) {
		runtime.Gosched()
	}
	h.clock.Advance(59 * time.Second)
}

// TestNearDeadlineNamesNothingOfOthers: of two invocations in one process, each says what holds it
// up, and nothing of the other, neither of its bodies nor of goroutines that these have begun.
func TestNearDeadlineNamesNothingOfOthers(t *testing.T) { //nolint:paralleltest // the stacks are those of the process
	book, logged := &logBook{}, make(chan struct{})
	begun := make(chan struct{})
	var other sync.WaitGroup
	other.Go(func() {
		newHome(t).drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return op.None{}, replay.Exec(ctx, op.Do("others", func(context.Context) error {
				go hangsThere(make(chan struct{}), logged)
				hangsThere(begun, logged)
				return nil
			}))
		}), "null")
	})
	<-begun
	h := newHome(t, local.WithFunctionTimeout(time.Minute))
	h.drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return op.None{}, replay.Exec(ctx, op.Do("own", func(context.Context) error {
			var mu, apart sync.WaitGroup
			apart.Add(2)
			mu.Go(func() { waitsApart(&apart, logged) })
			go beginsAndEnds(&apart, logged)
			apart.Wait()
			for stackHas("replay_test.beginsAndEnds(") { // its parent is followed for as long as it is there
				runtime.Gosched()
			}
			go h.almostOver("hangsHere")
			hangsHere(&mu)
			return nil
		}))
	}, replay.WithLogHandler(waitingBody{book.handler(true), logged})), "null")
	other.Wait()
	got := strings.Join(book.lines(), "\n")
	for _, want := range []string{
		`waits="github.com/perdure/perdure/replay_test.hangsHere waits in sync.(*WaitGroup).Wait (warning_test.go:`,
		"replay_test.waitsApart(",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%.900s has no %s", got, want)
		}
	}
	for _, unwanted := range []string{"hangsThere", "testing.tRunner", "outlivesItsParent("} {
		if strings.Contains(got, unwanted) {
			t.Errorf("%s has %s", got, unwanted)
		}
	}
}

// TestNearLimitsOfAnExecutionWarns: once in an invocation, from four fifths on.
func TestNearLimitsOfAnExecutionWarns(t *testing.T) {
	t.Parallel()
	noop := func(context.Context) error { return nil }
	steps := func(n int) func(ctx op.Context) error {
		return func(ctx op.Context) error {
			for i := range n {
				if err := replay.Exec(ctx, op.Do("work", noop).Key(strconv.Itoa(i))); err != nil {
					return err
				}
			}
			return nil
		}
	}
	running := stepRecord("flaky", checkpoint.StatusStarted, withAttempt(2399))
	failed := stepRecord("large", checkpoint.StatusFailed,
		withFailure(checkpoint.Failure{Type: "Error", Message: "declined", Data: strings.Repeat("x", 80_000_000)}))
	large := stepRecord("large", checkpoint.StatusSucceeded, withResult(strings.Repeat("x", 80_000_000)))
	many := stepRecord("flaky", checkpoint.StatusSucceeded, withResult("{}"), withAttempt(2400))
	never := op.WithRetry(retry.Never())
	tests := []struct {
		reason string
		log    []checkpoint.Operation
		run    func(ctx op.Context) error
		want   string
	}{
		{"2399 operations", nil, steps(2399), ""},
		{"2400 operations, and more", nil, steps(2410), "operations=2400 "},
		{"attempts count", []checkpoint.Operation{many}, func(ctx op.Context) error {
			return replay.Exec(ctx, op.Do("flaky", noop, never))
		}, "operations=2400 "},
		{"the attempt that runs counts", []checkpoint.Operation{running}, func(ctx op.Context) error {
			return replay.Exec(ctx, op.Do("flaky", noop, never))
		}, "operations=2400 "},
		{"bytes of errors", []checkpoint.Operation{failed}, func(ctx op.Context) error {
			_ = replay.Exec(ctx, op.Do("large", noop))
			return nil
		}, "bytes=80000013 "},
		{"bytes", []checkpoint.Operation{large}, func(ctx op.Context) error {
			return replay.Exec(ctx, op.Do("large", noop))
		}, "bytes=80000000 "},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			book := &logBook{}
			c := &tape{page: func(checkpoint.StateInput) (checkpoint.StateOutput, error) {
				return checkpoint.StateOutput{Operations: append([]checkpoint.Operation{execution("null")}, tt.log...)}, nil
			}}
			payload, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "token-1", NextMarker: "next"})
			if err != nil {
				t.Fatal(err)
			}
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return op.None{}, tt.run(ctx) },
				replay.WithLogHandler(book.handler(true)))
			if got := say(f.Invoke(onTape(t, c), payload)); got != "SUCCEEDED {}" {
				t.Fatal(got)
			}
			lines := book.lines()
			if tt.want == "" && len(lines) > 0 || tt.want != "" && (len(lines) != 1 || !strings.Contains(lines[0], tt.want)) {
				t.Errorf("logged %q, want one line with %q", lines, tt.want)
			}
		})
	}
}

// TestNearDeadlineLooksAtBodiesThatBegan without the lock, on goroutines of their own: what they
// write to say where they are is read by another one. It shows with -race.
func TestNearDeadlineLooksAtBodiesThatBegan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		book := &logBook{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		order := op.Group("order", func(ctx op.Context) (op.None, error) {
			time.Sleep(58 * time.Second) // the watch has begun, and nothing comes between it and the next body
			return replay.Run(ctx, sleeper("long", time.Second+time.Millisecond))
		})
		f := replay.Handler(inTurn(order), replay.WithLogHandler(book.handler(true)))
		if got := say(f.Invoke(checkpoint.WithClient(ctx, &tape{}), event(t))); got != "SUCCEEDED {}" {
			t.Fatal(got)
		}
		got := strings.ReplaceAll(strings.Join(book.lines(), "\n"), `\"`, `"`)
		if !strings.Contains(got, `paths=""order/long""`) {
			t.Errorf("logged %.600s", got)
		}
	})
}
