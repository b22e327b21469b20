package replay_test

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// nilError is an error type with the usual mistake: a nil pointer of it is no nil error.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func typedNil() error { var e *nilError; return e }

// oddErr is an error, and a value, whose methods are do, by name.
type oddErr struct { //nolint:errname // what it is
	method string
	do     func() error
}

func (e *oddErr) call(method string) {
	if e.method == method {
		_ = e.do()
	}
}

func (e *oddErr) Error() string              { e.call("Error"); return "odd" }
func (e *oddErr) Is(error) bool              { e.call("Is"); return false }
func (e *oddErr) As(any) bool                { e.call("As"); return false }
func (e *oddErr) Unwrap() error              { e.call("Unwrap"); return nil }
func (e *oddErr) UnmarshalJSON([]byte) error { return nil }
func (e *oddErr) MarshalJSON() ([]byte, error) {
	if e.method == "MarshalJSON" {
		if err := e.do(); err != nil {
			return nil, err
		}
	}
	return []byte(`{}`), nil
}

// logs is a handler of log records whose method is do.
type logs struct {
	slog.Handler

	method string
	do     func() error
}

func (h *logs) Enabled(context.Context, slog.Level) bool {
	if h.method == "Enabled" {
		_ = h.do()
	}
	return true
}

func (h *logs) Handle(context.Context, slog.Record) error {
	if h.method == "Handle" {
		return h.do()
	}
	return nil
}

func (h *logs) WithAttrs([]slog.Attr) slog.Handler {
	if h.method == "WithAttrs" {
		_ = h.do()
	}
	return h
}

func (h *logs) WithGroup(string) slog.Handler { return h }

// guest is a place where the engine calls a function of the user's. The function does what do says.
type guest struct {
	kind string
	run  func(ctx op.Context, do func() error) error
	opts func(do func() error) []replay.HandlerOption
	// fine is the answer if the function does nothing wrong, panics if it panics, exits how the
	// text of ErrExited goes on; nils is what is said if it returns a nil pointer as error, empty
	// if it returns no error.
	fine, panics, exits, nils string
	// foreign says that it runs on another goroutine than that of the context, ended that the scope
	// of the context has ended then.
	foreign, ended bool
}

const (
	boomed  = `panic: boom`
	nilText = `panic: a function returned a nil *replay_test.nilError as error`
)

func guests() []guest {
	never := op.WithRetry(retry.Never())
	noop := func(context.Context) error { return nil }
	fails := func(context.Context) error { return io.EOF }
	step := op.StepFunc("s", func(_ context.Context, i int) (int, error) { return i, nil })
	one := []int{1}
	oddError := func(method string) guest {
		g := guest{
			kind: "the method " + method + " of an error",
			run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Do("a", func(context.Context) error { return &oddErr{method, do} }, never))
			},
			fine: "odd", panics: "odd", exits: `in "a"`,
		}
		if method == "Error" {
			g.panics = "FAILED PanicError: panic: the method Error of the *replay_test.oddErr that a function returned: boom"
		}
		return g
	}
	interceptor := func(kind string, foreign bool, of func(do func() error) replay.Interceptor) guest {
		return guest{
			kind: "the interceptor's " + kind,
			run: func(ctx op.Context, _ func() error) error {
				return replay.Exec(ctx, op.Group("g", func(in op.Context) (int, error) { return 0, replay.Exec(in, op.Do("a", noop)) }))
			},
			opts: func(do func() error) []replay.HandlerOption {
				return []replay.HandlerOption{replay.WithInterceptors(of(do))}
			},
			fine: "SUCCEEDED", panics: "SUCCEEDED", exits: "an interceptor", foreign: foreign,
		}
	}
	log := func(method string) guest {
		return guest{
			kind: "the log handler's " + method,
			run: func(ctx op.Context, _ func() error) error {
				ctx.Logger().Info("message")
				return replay.Exec(ctx, op.Do("a", noop))
			},
			opts: func(do func() error) []replay.HandlerOption {
				return []replay.HandlerOption{replay.WithLogHandler(&logs{method: method, do: do})}
			},
			fine: "SUCCEEDED", panics: "SUCCEEDED", exits: "in the handler",
		}
	}
	item := func(kind string, o func(do func() error) op.Op[op.Batch[int]], exits string) guest {
		return guest{
			kind: kind, run: func(ctx op.Context, do func() error) error { return replay.Exec(ctx, o(do)) },
			fine: "SUCCEEDED", panics: boomed, exits: exits,
		}
	}
	all := []guest{
		{
			kind: "a body", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Do("a", func(context.Context) error { return do() }, never))
			},
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: `in "a"`, nils: "FAILED PanicError: " + nilText,
		},
		{
			kind: "a group", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Group("a", func(op.Context) (int, error) { return 0, do() }))
			},
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: `in "a"`, nils: "FAILED PanicError: " + nilText,
		},
		{
			kind: "a condition", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.WaitForCondition("a", 0, func(context.Context, int) (int, bool, error) { return 0, true, do() }))
			},
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: `in "a"`, nils: "FAILED PanicError: " + nilText,
		},
		{
			kind: "an undo body", run: func(ctx op.Context, do func() error) error {
				if err := replay.Exec(ctx, op.Do("a", noop).Undo(func(context.Context, op.None) error { return do() }, never)); err != nil {
					return err
				}
				return io.EOF
			},
			fine: "FAILED EOF", panics: "EOF; undo failed: " + boomed, exits: `in "a-undo"`,
			nils: "EOF; undo failed: " + nilText,
		},
		item("a builder", func(do func() error) op.Op[op.Batch[int]] {
			return op.Map("m", one, func(i int) op.Op[int] { _ = do(); return step(i) })
		}, `the builder or key function of "m"`),
		item("a key function", func(do func() error) op.Op[op.Batch[int]] {
			return op.Map("m", one, step.Key(func(int) string { _ = do(); return "k" }))
		}, `the builder or key function of "m"`),
		item("a completion rule", func(do func() error) op.Op[op.Batch[int]] {
			return op.Map("m", one, step, op.WithCompletion(op.CompleteWhen(func(op.Progress) op.Verdict { _ = do(); return op.VerdictContinue })))
		}, `the completion rule of "m"`),
		{
			kind: "a policy", run: func(ctx op.Context, do func() error) error {
				policy := func(a retry.Attempt) retry.Decision {
					if a.Number == 0 {
						return retry.Decision{}
					}
					return retry.Decision{Err: do()}
				}
				return replay.Exec(ctx, op.Do("a", fails, op.WithRetry(policy)))
			},
			fine: "FAILED EOF", panics: "FAILED invalid policy: it panicked: boom", exits: `the retry policy or a filter of "a"`,
			nils: "FAILED invalid policy",
		},
		{
			kind: "a filter", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Do("a", fails, op.WithRetryIf(retry.If(func(error) bool { _ = do(); return false }))))
			},
			fine: "FAILED EOF", panics: "FAILED invalid policy: it panicked: boom", exits: `the retry policy or a filter of "a"`,
		},
		{
			kind: "a codec", run: func(ctx op.Context, do func() error) error {
				c := codec.Of(func(int) ([]byte, error) { return []byte("1"), do() }, func([]byte) (int, error) { return 1, nil })
				return replay.Exec(ctx, step(1).WithCodec(c))
			},
			fine: "SUCCEEDED", panics: `codec: encode result of "s": the codec panicked: boom`,
			exits: `the codec of "s"`, nils: `codec: encode result of "s": a nil *replay_test.nilError was returned as error`,
		},
		{
			kind: "MarshalJSON of a result", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Step("s", func(context.Context) (*oddErr, error) { return &oddErr{"MarshalJSON", do}, nil }))
			},
			fine: "SUCCEEDED", panics: `the codec panicked: boom`, exits: `the codec of "s"`,
		},
		{
			kind: "MarshalJSON of a registered error", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Do("a", func(context.Context) error { return &oddErr{"MarshalJSON", do} }, never,
					op.WithErrors(codec.ErrorType[*oddErr]("odd"))))
			},
			fine: "odd", panics: "odd", exits: `the retry policy or a filter of "a"`, nils: "odd",
		},
		{
			kind: "an error mapper", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Do("a", fails, never).MapError(func(error) error { return do() }))
			},
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: "a function of op.Transform", nils: "FAILED PanicError: " + nilText,
		},
		{
			kind: "a transform", run: func(ctx op.Context, do func() error) error {
				_, err := replay.Run(ctx, op.Transform(step(1), func(int) (int, error) { return 0, do() }))
				return err
			},
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: "a function of op.Transform", nils: "FAILED PanicError: " + nilText,
		},
		{
			kind: "a summary", run: func(ctx op.Context, do func() error) error {
				large := op.Group("g", func(op.Context) (string, error) { return strings.Repeat("x", 300<<10), nil })
				return replay.Exec(ctx, large.WithSummary(func(string) string { _ = do(); return "x" }))
			},
			fine: "SUCCEEDED", panics: "SUCCEEDED", exits: `the summary of "g"`,
		},
		{
			kind: "a function of OnEnd", run: func(ctx op.Context, do func() error) error {
				replay.OnEnd(ctx, func(context.Context, error) { _ = do() })
				return nil
			},
			fine: "SUCCEEDED", panics: "SUCCEEDED", exits: "a function of replay.OnEnd", ended: true,
		},
		{
			kind: "a step of a future", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Do("a", func(context.Context) error { return do() }, never)).Result())
			},
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: `in "a"`, nils: "FAILED PanicError: " + nilText, foreign: true,
		},
		{
			kind: "the builder of a future", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, replay.Go(ctx, op.Group("g", func(in op.Context) (int, error) {
					return 0, replay.Exec(in, op.Map("m", one, func(i int) op.Op[int] { _ = do(); return step(i) }))
				})).Result())
			},
			fine: "SUCCEEDED", panics: boomed, exits: `the builder or key function of "m"`, foreign: true,
		},
		{
			kind: "a group in an item", run: func(ctx op.Context, do func() error) error {
				return replay.Exec(ctx, op.Map("m", one, op.GroupFunc("g", func(op.Context, int) (int, error) { return 0, do() })))
			},
			fine: "SUCCEEDED", panics: boomed, exits: `in "m[0]"`, nils: nilText, foreign: true,
		},
		{
			kind: "the result of a handler", run: func(_ op.Context, do func() error) error { return do() },
			fine: "SUCCEEDED", panics: "FAILED PanicError: " + boomed, exits: "in the handler", nils: "FAILED PanicError: " + nilText,
		},
		log("Enabled"), log("Handle"), log("WithAttrs"),
		interceptor("OperationStart", false, func(do func() error) replay.Interceptor {
			return replay.Interceptor{OperationStart: func(context.Context, replay.OperationInfo) { _ = do() }}
		}),
		interceptor("AttemptStart", false, func(do func() error) replay.Interceptor {
			return replay.Interceptor{AttemptStart: func(context.Context, replay.AttemptInfo) { _ = do() }}
		}),
		interceptor("WrapAttempt", false, func(do func() error) replay.Interceptor {
			return replay.Interceptor{WrapAttempt: func(ctx context.Context, _ replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
				_ = do()
				next(ctx)
			}}
		}),
		interceptor("GroupEnd", false, func(do func() error) replay.Interceptor {
			return replay.Interceptor{GroupEnd: func(context.Context, replay.GroupInfo, replay.AttemptEnd) { _ = do() }}
		}),
		interceptor("LogAttrs", false, func(do func() error) replay.Interceptor {
			return replay.Interceptor{LogAttrs: func(replay.AttemptInfo) []slog.Attr { _ = do(); return nil }}
		}),
	}
	for _, method := range []string{"Error", "Is", "As", "Unwrap"} {
		all = append(all, oddError(method))
	}
	return all
}

// answerOf runs one invocation. It must answer soon, whatever user code does.
func answerOf(t *testing.T, g guest, deed func(ctx op.Context) error, within time.Duration) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(onTape(t, &tape{}), within)
	defer cancel()
	var kept atomic.Pointer[op.Context] // log handlers are called on any goroutine
	kept.Store(&op.Context{})
	do := func() error { return deed(*kept.Load()) }
	var opts []replay.HandlerOption
	if g.opts != nil {
		opts = g.opts(do)
	} else {
		opts = append(opts, replay.WithLogHandler(slog.DiscardHandler))
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		kept.Store(&ctx)
		return "", g.run(ctx, do)
	}, append(opts, replay.WithGrace(50*time.Millisecond))...)
	answer := make(chan string, 1)
	go func() { answer <- say(f.Invoke(ctx, event(t))) }()
	const patience = 20 * time.Second
	select {
	case got := <-answer:
		return got
	case <-time.After(within + patience):
		buf := make([]byte, 1<<20)
		t.Fatalf("no answer %v after the deadline\n%s", patience, buf[:runtime.Stack(buf, true)])
		return ""
	}
}

// TestInvocationAnswersWhateverUserCodeDoes is the table of all functions that the engine calls and
// all that they may do.
func TestInvocationAnswersWhateverUserCodeDoes(t *testing.T) {
	t.Parallel()
	const ample = time.Minute
	for _, g := range guests() {
		t.Run(g.kind, func(t *testing.T) {
			t.Parallel()
			check := func(does, got string, want ...string) {
				t.Helper()
				for _, w := range want {
					for part := range strings.SplitSeq(w, "…") {
						if !strings.Contains(got, strings.TrimSpace(part)) {
							t.Errorf("it %s: answer %.600s\nwant %q", does, got, w)
							return
						}
					}
				}
			}
			fine := strings.TrimPrefix(g.fine, "FAILED EOF")
			check("does nothing wrong", answerOf(t, g, func(op.Context) error { return nil }, ample), fine)
			check("panics", answerOf(t, g, func(op.Context) error { panic("boom") }, ample), strings.Replace(g.panics, "FAILED invalid", "invalid", 1))
			check("ends its goroutine", answerOf(t, g, func(op.Context) error { runtime.Goexit(); return nil }, ample),
				replay.ErrExited.Error(), g.exits)
			if g.nils != "" {
				check("returns a nil pointer", answerOf(t, g, func(op.Context) error { return typedNil() }, ample),
					strings.Replace(g.nils, "FAILED invalid", "invalid", 1))
			}
			for name, read := range map[string]func(ctx op.Context){
				"Now": func(ctx op.Context) { replay.Now(ctx) }, "UUID": func(ctx op.Context) { replay.UUID(ctx, "a") },
				"Rand": func(ctx op.Context) { replay.Rand(ctx, "a").Int() }, "Execution": func(ctx op.Context) { ctx.Execution() },
				"Suspending": func(ctx op.Context) { replay.Suspending(ctx) },
			} {
				check("calls "+name, answerOf(t, g, func(ctx op.Context) error { read(ctx); return nil }, ample), fine)
			}
			if !strings.Contains(g.kind, "log handler") { // it would call itself
				check("logs", answerOf(t, g, func(ctx op.Context) error { ctx.Logger().Info("from inside"); return nil }, ample), fine)
			}
			if !strings.Contains(g.kind, "log handler") && !strings.Contains(g.kind, "result of a handler") {
				refused := replay.ErrNested
				switch {
				case g.foreign:
					refused = replay.ErrConcurrent
				case g.ended:
					refused = replay.ErrEnded
				}
				for name, call := range map[string]func(ctx op.Context){
					"Run": func(ctx op.Context) {
						_, _ = replay.Run(ctx, op.Do("inside", func(context.Context) error { return nil }))
					},
					"Exec":  func(ctx op.Context) { _ = replay.Exec(ctx, op.Wait("inside", time.Hour)) },
					"Go":    func(ctx op.Context) { replay.Go(ctx, op.Wait("inside", time.Hour)) },
					"OnEnd": func(ctx op.Context) { replay.OnEnd(ctx, func(context.Context, error) {}) },
				} {
					if name == "OnEnd" && g.ended {
						continue // a function of OnEnd may register another: it runs next
					}
					check("calls "+name, answerOf(t, g, func(ctx op.Context) error { call(ctx); return nil }, ample), "FAILED", refused.Error())
				}
			}
			free := make(chan struct{})
			begun := time.Now()
			got := answerOf(t, g, func(op.Context) error { <-free; return nil }, 200*time.Millisecond)
			if took := time.Since(begun); took > 15*time.Second {
				t.Errorf("it blocks: the answer took %v", took)
			}
			close(free)
			check("blocks", got, "error ", context.DeadlineExceeded.Error())
		})
	}
}
