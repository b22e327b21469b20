package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// LimitError is an error with a value.
type LimitError struct {
	Limit int
	Cause error `json:"-"`
}

func (e *LimitError) Error() string { return fmt.Sprintf("limit of %d exceeded", e.Limit) }
func (e *LimitError) Unwrap() error { return e.Cause }

// PaymentError is an error that no one registers.
type PaymentError struct{ Cause error }

func (e PaymentError) Error() string { return "payment: " + e.Cause.Error() }
func (e PaymentError) Unwrap() error { return e.Cause }

var (
	knownDeclined = codec.Sentinel("declined", errDeclined)
	knownLimit    = codec.ErrorType[*LimitError]("limit")
)

// look is what a handler finds out about an error.
type look struct {
	Message, Type, Data     string
	Declined, Deadline      bool
	Limit                   int
	ID, Name, Path, Kind    string
	Attempt                 int
	Interrupted, IsOpError  bool
	PanicValue, CodecReason string
}

func lookAt(err error) look {
	if err == nil {
		return look{}
	}
	l := look{
		Message: err.Error(), Declined: errors.Is(err, errDeclined), Deadline: errors.Is(err, context.DeadlineExceeded),
		Interrupted: errors.Is(err, op.ErrInterrupted),
	}
	if e, ok := errors.AsType[*LimitError](err); ok {
		l.Limit = e.Limit
	}
	if e, ok := errors.AsType[*op.Error](err); ok {
		l.IsOpError = true
		l.ID, l.Name, l.Path, l.Kind, l.Attempt, l.Type, l.Data = e.ID, e.Name, e.Path, e.Kind, e.Attempt, e.Type, e.Data
	}
	if e, ok := errors.AsType[*op.PanicError](err); ok {
		l.PanicValue = e.Value
	}
	if e, ok := errors.AsType[*codec.Error](err); ok {
		l.CodecReason = e.Reason
	}
	return l
}

// liveAndReplayed runs an operation, looks at its error, waits, and looks again when it is
// replayed.
func liveAndReplayed(t *testing.T, run func(ctx op.Context) error, opts ...replay.HandlerOption) (live, replayed look) {
	t.Helper()
	var looks []look
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		looks = append(looks, lookAt(run(ctx)))
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	}, opts...), "null")
	if end(e) != "SUCCEEDED {}" || len(looks) != 2 {
		t.Fatalf("the execution ended as %s; %d looks", end(e), len(looks))
	}
	return looks[0], looks[1]
}

func TestErrorIsTheSameLiveAndOnReplay(t *testing.T) {
	t.Parallel()
	never := op.WithRetry(retry.Never())
	id := oplog.ID("", "charge", "", 0)
	step := func(err error, opts ...op.StepOption) func(op.Context) error {
		return func(ctx op.Context) error {
			return replay.Exec(ctx, op.Do("charge", func(context.Context) error { return err }, append(opts, never)...))
		}
	}
	group := func(inner func(op.Context) error, opts ...op.GroupOption) func(op.Context) error {
		return func(ctx op.Context) error {
			return replay.Exec(ctx, op.Group("order", func(ctx op.Context) (op.None, error) { return op.None{}, inner(ctx) }, opts...))
		}
	}
	base := look{ID: id, Name: "charge", Path: "charge", Kind: "STEP", Attempt: 1, IsOpError: true}
	with := func(l look, change func(*look)) look {
		change(&l)
		return l
	}
	order := look{ID: oplog.ID("", "order", "", 0), Name: "order", Path: "order", Kind: "CONTEXT", IsOpError: true}
	limit := fmt.Errorf("charge: %w", &LimitError{Limit: 7})
	tests := []struct {
		reason string
		run    func(op.Context) error
		opts   []replay.HandlerOption
		want   look
	}{
		{
			reason: "an error that is not registered keeps its message", run: step(errDeclined),
			want: with(base, func(l *look) { l.Message, l.Type = "card declined", "Error" }),
		},
		{
			reason: "a sentinel, registered with the step", run: step(fmt.Errorf("charge: %w", errDeclined), op.WithErrors(knownDeclined)),
			want: with(base, func(l *look) { l.Message, l.Type, l.Declined = "charge: card declined", "declined", true }),
		},
		{
			reason: "a type, registered with the step", run: step(limit, op.WithErrors(knownLimit)),
			want: with(base, func(l *look) { l.Message, l.Type, l.Limit = "charge: limit of 7 exceeded", "limit", 7 }),
		},
		{
			reason: "registered with the handler", run: step(limit), opts: []replay.HandlerOption{replay.WithErrors(knownDeclined, knownLimit)},
			want: with(base, func(l *look) { l.Message, l.Type, l.Limit = "charge: limit of 7 exceeded", "limit", 7 }),
		},
		{
			reason: "registered with the handler's step defaults", run: step(limit),
			opts: []replay.HandlerOption{replay.WithStepDefaults(op.WithErrors(knownLimit))},
			want: with(base, func(l *look) { l.Message, l.Type, l.Limit = "charge: limit of 7 exceeded", "limit", 7 }),
		},
		{
			reason: "several identities of one error", run: step(errors.Join(errDeclined, &LimitError{Limit: 3}), op.WithErrors(knownLimit, knownDeclined)),
			want: with(base, func(l *look) {
				l.Message, l.Type, l.Declined, l.Limit = "card declined\nlimit of 3 exceeded", "declined", true, 3
			}),
		},
		{
			reason: "a value inside a value", run: step(&LimitError{Limit: 4, Cause: errDeclined}, op.WithErrors(knownDeclined, knownLimit)),
			want: with(base, func(l *look) { l.Message, l.Type, l.Declined, l.Limit = "limit of 4 exceeded", "limit", true, 4 }),
		},
		{
			reason: "a context's deadline needs no registration", run: step(fmt.Errorf("call: %w", context.DeadlineExceeded)),
			want: with(base, func(l *look) {
				l.Message, l.Type, l.Deadline = "call: context deadline exceeded", "context.DeadlineExceeded", true
			}),
		},
		{
			reason: "a panic", run: func(ctx op.Context) error {
				return replay.Exec(ctx, op.Do("charge", func(context.Context) error { panic("no table") }, never))
			},
			want: with(base, func(l *look) { l.Message, l.Type, l.PanicValue = "panic: no table", "PanicError", "no table" }),
		},
		{
			reason: "registered with the group around the step", run: group(step(limit), op.WithErrors(knownLimit)),
			want: with(order, func(l *look) { l.Message, l.Type, l.Limit = "charge: limit of 7 exceeded", "limit", 7 }),
		},
		{
			reason: "registered with the step, looked at outside of the group", run: group(step(limit, op.WithErrors(knownLimit)), op.WithErrors(knownDeclined)),
			want: with(order, func(l *look) { l.Message, l.Type = "charge: limit of 7 exceeded", "limit" }),
		},
		{
			reason: "carried upward through a group that does not know it",
			run: group(func(ctx op.Context) error {
				return replay.Exec(ctx, op.Group("inner", func(ctx op.Context) (op.None, error) {
					return op.None{}, step(limit, op.WithErrors(knownLimit))(ctx)
				}))
			}, op.WithErrors(knownLimit)),
			want: with(order, func(l *look) { l.Message, l.Type, l.Limit = "charge: limit of 7 exceeded", "limit", 7 }),
		},
		{
			reason: "wrapped on the way up", run: group(func(ctx op.Context) error {
				return PaymentError{step(errDeclined, op.WithErrors(knownDeclined))(ctx)}
			}, op.WithErrors(knownDeclined)),
			want: with(order, func(l *look) { l.Message, l.Type, l.Declined = "payment: card declined", "declined", true }),
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			live, replayed := liveAndReplayed(t, tt.run, tt.opts...)
			if diff := cmp.Diff(tt.want, live); diff != "" {
				t.Errorf("live (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(live, replayed); diff != "" {
				t.Errorf("replayed (-live +replayed):\n%s", diff)
			}
		})
	}
}

// TestNameOfAnErrorOnTheWire covers which of the types of an error names it: a registration, else
// the outermost type that is the user's.
func TestNameOfAnErrorOnTheWire(t *testing.T) {
	t.Parallel()
	syntax := json.Unmarshal([]byte("{"), new(int))
	tests := []struct {
		reason string
		err    error
		known  []codec.KnownError
		want   string
	}{
		{"a bare error", errors.New("x"), nil, "Error"},
		{"a type of the user", PaymentError{errDeclined}, nil, "PaymentError"},
		{"a pointer", &LimitError{}, nil, "LimitError"},
		{"the outermost, not its cause", PaymentError{syntax}, nil, "PaymentError"},
		{"fmt says nothing", fmt.Errorf("x: %w", PaymentError{syntax}), nil, "PaymentError"},
		{"a type of a library", fmt.Errorf("x: %w", &net.OpError{Op: "dial", Err: &fs.PathError{Op: "open", Err: errDeclined}}), nil, "OpError"},
		{"the first of several", errors.Join(errors.New("x"), PaymentError{errDeclined}, &LimitError{}), nil, "PaymentError"},
		{"a registered name wins", PaymentError{errDeclined}, []codec.KnownError{knownDeclined}, "declined"},
		{"the outermost registered name", &LimitError{Cause: errDeclined}, []codec.KnownError{knownDeclined, knownLimit}, "limit"},
		{"a mark of the body says nothing", retry.Permanent(retry.After(time.Second, PaymentError{errDeclined})), nil, "PaymentError"},
		{"the user's type, though a deadline is inside", PaymentError{context.DeadlineExceeded}, nil, "PaymentError"},
		{"a conversion", &codec.Error{Reason: "x"}, nil, "CodecError"},
	}
	for _, tt := range tests {
		for _, where := range []string{"handler", "step", "group"} {
			t.Run(where+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				client := &tape{}
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					switch where {
					case "step":
						return replay.Run(ctx, op.Do("charge", func(context.Context) error { return tt.err }, op.WithRetry(retry.Never())))
					case "group":
						return replay.Run(ctx, op.Group("charge", func(op.Context) (op.None, error) { return op.None{}, tt.err }))
					}
					return op.None{}, tt.err
				}, replay.WithErrors(tt.known...))
				answer := once(t, f, client)
				kind, _, _ := strings.Cut(strings.TrimPrefix(answer, "FAILED "), ":")
				if kind != tt.want {
					t.Errorf("the envelope has the type %q, want %q", kind, tt.want)
				}
				if where == "handler" {
					return
				}
				u := client.update(t, checkpoint.ActionFail, "charge")
				if u.Failure.Type != tt.want || u.Failure.Message != tt.err.Error() {
					t.Errorf("FAIL has %s: %s", u.Failure.Type, u.Failure.Message)
				}
			})
		}
	}
}
