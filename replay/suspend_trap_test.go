package replay_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// logBook keeps log lines as text.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// handler returns a handler that writes "LEVEL message" and, if asked, the attributes.
func (b *logBook) handler(attrs bool) slog.Handler {
	return slog.NewTextHandler(b, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || (!attrs && a.Key != slog.LevelKey && a.Key != slog.MessageKey) {
				return slog.Attr{}
			}
			return a
		},
	})
}

func (b *logBook) lines() []string {
	text := strings.TrimSpace(b.String())
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// TestOnceAroundAnOperationIsSpent shows the trap that the documentation warns of: what suspends
// inside of a sync.Once of the process has not happened, and the Once does not know.
func TestOnceAroundAnOperationIsSpent(t *testing.T) {
	t.Parallel()
	var once sync.Once
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		waited := false
		var err error
		once.Do(func() {
			err = replay.Exec(ctx, op.Wait("pause", time.Hour))
			waited = true
		})
		if !waited {
			return "skipped the wait", err
		}
		return "waited", err
	}), "null")
	// The second invocation does not reach the wait that the log holds: that is a divergence, and
	// the trap does not go unnoticed.
	if !strings.HasPrefix(end(e), "FAILED NonDeterministicExecutionError: ") {
		t.Errorf("the execution ended as %s", end(e))
	}
}

func TestOnceValueAroundAnOperationPanicsFromThenOn(t *testing.T) {
	t.Parallel()
	var f func() error
	var setup sync.Once
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		setup.Do(func() {
			f = sync.OnceValue(func() error { return replay.Exec(ctx, op.Wait("pause", time.Hour)) })
		})
		return op.None{}, f()
	}, replay.WithLogHandler(slog.DiscardHandler)), "null")
	if got := end(e); !strings.HasPrefix(got, "FAILED ") {
		t.Errorf("the execution ended as %s", got)
	}
}

// TestLockIsGivenBackByADeferredUnlockOnly: a lock that is not deferred stays locked in the next
// invocation of the process.
func TestLockIsGivenBackByADeferredUnlockOnly(t *testing.T) {
	t.Parallel()
	var deferred, bare sync.Mutex
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		deferred.Lock()
		defer deferred.Unlock()
		bare.Lock()
		err := replay.Exec(ctx, op.Wait("pause", time.Hour))
		bare.Unlock()
		return op.None{}, err
	})
	if got := once(t, f, &tape{}); got != "PENDING" {
		t.Fatalf("answer %s", got)
	}
	if !deferred.TryLock() || bare.TryLock() {
		t.Error("want the deferred unlock to have run, and the other not")
	}
}

func TestPanicOfADeferredFunctionOnASuspendIsIgnored(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		last   func()
	}{
		{"a panic", func() { panic("no table") }},
		{"a panic with what recover gave, which is nothing", func() { panic(recover()) }},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			book := &logBook{}
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				defer tt.last()
				return replay.Run(ctx, op.Wait("pause", time.Hour))
			}, replay.WithLogHandler(book.handler(false)))
			if got := once(t, f, &tape{}); got != "PENDING" {
				t.Errorf("answer %s", got)
			}
			want := []string{`level=WARN msg="a deferred function panicked while its goroutine was ended"`}
			if diff := cmp.Diff(want, book.lines()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPanicWhoseDeferredOperationSuspendsComesAgain: the panic is lost in this invocation and
// happens again when the handler is replayed.
func TestPanicWhoseDeferredOperationSuspendsComesAgain(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		defer func() { _ = replay.Exec(ctx, op.Wait("cool-off", time.Hour)) }()
		panic("no table")
	}), "null")
	if got := end(e); got != "FAILED PanicError: panic: no table" || e.Invocations() != 2 {
		t.Errorf("the execution ended as %s after %d invocations", got, e.Invocations())
	}
}

// TestAnswerDoesNotWaitForABodyThatIgnoresItsContext covers the grace: the answer comes, what is
// left is reported with its stack, and what it says later is dropped.
func TestAnswerDoesNotWaitForABodyThatIgnoresItsContext(t *testing.T) {
	t.Parallel()
	deaf := func(ctx op.Context, free chan struct{}) error {
		begun := make(chan struct{})
		replay.Go(ctx, op.Do("deaf", func(context.Context) error {
			close(begun)
			<-free
			return nil
		}))
		return errors.Join(replay.Exec(ctx, op.Do("begun", func(context.Context) error { <-begun; return nil })), errDeclined)
	}
	tests := []struct {
		reason string
		opts   []replay.HandlerOption
		run    func(ctx op.Context, free chan struct{}) error
		grace  time.Duration
		want   string
	}{
		{
			reason: "by default a second",
			run:    deaf,
			grace:  time.Second, want: "FAILED Error: card declined",
		},
		{
			reason: "no grace", opts: []replay.HandlerOption{replay.WithGrace(0)},
			run:  deaf,
			want: "FAILED Error: card declined",
		},
		{
			reason: "longer", opts: []replay.HandlerOption{replay.WithGrace(30 * time.Second)},
			run:   deaf,
			grace: 30 * time.Second, want: "FAILED Error: card declined",
		},
		{
			reason: "a deferred function that does not end",
			run: func(ctx op.Context, free chan struct{}) error {
				defer func() { <-free }()
				return replay.Exec(ctx, op.Wait("pause", time.Hour))
			},
			grace: time.Second, want: "PENDING",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				book, client, free := &logBook{}, &tape{}, make(chan struct{})
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					return op.None{}, tt.run(ctx, free)
				}, append(tt.opts, replay.WithLogHandler(book.handler(true)))...)
				ctx, log, began := onTape(t, client), event(t), time.Now()
				answer := say(f.Invoke(ctx, log))
				if took := time.Since(began); answer != tt.want || took != tt.grace {
					t.Errorf("answer %s after %v, want %s after %v", answer, took, tt.want, tt.grace)
				}
				text := book.String()
				if strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, "suspend_trap_test.go") {
					t.Errorf("the log does not show the stack:\n%.300s", text)
				}
				calls := len(client.calls())
				close(free)
				synctest.Wait()
				if got := len(client.calls()); got != calls {
					t.Errorf("%d calls after the answer", got-calls)
				}
			})
		})
	}
}

// TestAbandonedBodyLearnsItFromItsContext: no one waits for what a failed group has started.
func TestAbandonedBodyLearnsItFromItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
			err := replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
				began := make(chan struct{})
				replay.Go(ctx, op.Do("beside", func(ctx context.Context) error {
					close(began)
					<-ctx.Done()
					close(free)
					return ctx.Err()
				}))
				<-began // a body that has not begun when it is abandoned never does
				return op.None{}, errDeclined
			}))
			<-free // or never
			return "freed", errors.Join(err, replay.Exec(ctx, op.Do("next", func(context.Context) error { return nil })))
		})
		client := &tape{}
		if got := once(t, f, client); got != "FAILED Error: card declined" {
			t.Errorf("answer %s", got)
		}
		want := []string{"START order, START beside, FAIL order", "START next, SUCCEED next"}
		if diff := cmp.Diff(want, client.calls()); diff != "" {
			t.Errorf("nothing of an abandoned operation is written; calls (-want +got):\n%s", diff)
		}
	})
}

func TestPanicBecomesAFailure(t *testing.T) {
	t.Parallel()
	boom := func() error { panic("no table") }
	never := op.WithRetry(retry.Never())
	tests := []struct {
		reason string
		run    func(ctx op.Context) error
		want   string // of the execution
		local  bool   // the error can be caught where the operation is run
	}{
		{
			reason: "in the handler", run: func(op.Context) error { return boom() },
			want: "FAILED PanicError: panic: no table",
		},
		{
			reason: "in a body",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Do("a", func(context.Context) error { return boom() }, never))
			},
			want: "FAILED PanicError: panic: no table", local: true,
		},
		{
			reason: "in a future body",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Do("a", func(context.Context) error { return boom() }, never)).Result())
			},
			want: "FAILED PanicError: panic: no table", local: true,
		},
		{
			reason: "in a group",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Group("a", func(op.Context) (op.None, error) { return op.None{}, boom() }))
			},
			want: "FAILED PanicError: panic: no table", local: true,
		},
		{
			reason: "in a future group",
			run: func(ctx op.Context) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Group("a", func(op.Context) (op.None, error) { return op.None{}, boom() })).Result())
			},
			want: "FAILED PanicError: panic: no table", local: true,
		},
		{
			reason: "in a deferred function of a handler that returns",
			run:    func(op.Context) error { defer func() { _ = boom() }(); return nil },
			want:   "FAILED PanicError: panic: no table",
		},
		{
			reason: "with an error that is registered",
			run:    func(op.Context) error { panic(context.DeadlineExceeded) },
			want:   "FAILED PanicError: panic: context deadline exceeded",
		},
		{
			reason: "with nil", run: func(op.Context) error { panic(nil) }, //nolint:govet // that is the case
			want: "FAILED PanicError: panic: " + new(runtime.PanicNilError).Error(),
		},
		{
			reason: "in a key function",
			run: func(ctx op.Context) error {
				b := op.DoFunc("a", func(context.Context, int) error { return nil }).Key(func(int) string { panic("no table") })
				return replay.Exec(ctx, b(1))
			},
			want: "FAILED PanicError: panic: no table", local: true,
		},
		{
			reason: "in an error mapper",
			run: func(ctx op.Context) error {
				o := op.Do("a", func(context.Context) error { return errDeclined }, never).MapError(func(error) error { return boom() })
				return replay.Exec(ctx, o)
			},
			want: "FAILED PanicError: panic: no table", local: true,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var got error
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				got = tt.run(ctx)
				return op.None{}, got
			})
			if answer := once(t, f, &tape{}); answer != tt.want {
				t.Errorf("answer %s, want %s", answer, tt.want)
			}
			if _, ok := errors.AsType[*op.PanicError](got); ok != tt.local {
				t.Errorf("the error where it ran is %v", got)
			}
		})
	}
}
