package replay_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

func TestInputOfAHandler(t *testing.T) {
	t.Parallel()
	type order struct {
		ID    int
		Items []string
	}
	f := replay.Handler(func(_ op.Context, in *order) (string, error) { return fmt.Sprintf("%+v", in), nil })
	tests := []struct {
		reason string
		change func(op *checkpoint.Operation)
		want   string
	}{
		{"a document", withResult(`{"ID":42,"Items":["a"]}`), `SUCCEEDED "&{ID:42 Items:[a]}"`},
		{"null is the zero value", withResult("null"), `SUCCEEDED "<nil>"`},
		{"absent is the zero value", func(op *checkpoint.Operation) { op.Payload = checkpoint.Payload{} }, `SUCCEEDED "<nil>"`},
		{"empty is the zero value", withResult(""), `SUCCEEDED "<nil>"`},
		{"blank is the zero value", withResult(" \n\t"), `SUCCEEDED "<nil>"`},
		{"fields that are not known are ignored", withResult(`{"ID":1,"Extra":true}`), `SUCCEEDED "&{ID:1 Items:[]}"`},
		{"another type", withResult(`{"ID":"x"}`), "FAILED UnmarshalTypeError: replay: the input does not fit *replay_test.order: codec: decode input"},
		{"no JSON", withResult(`{`), "FAILED SyntaxError: replay: the input does not fit *replay_test.order: codec: decode input"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			rec := execution("x")
			tt.change(&rec)
			b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "t", Operations: []checkpoint.Operation{rec}})
			if err != nil {
				t.Fatal(err)
			}
			if got := say(f.Invoke(onTape(t, &tape{}), b)); !strings.HasPrefix(got, tt.want) {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
}

// TestEventThatIsNotOfADurableFunction: the invocation fails, and says what to do; nothing ran.
func TestEventThatIsNotOfADurableFunction(t *testing.T) {
	t.Parallel()
	arn, token := `"DurableExecutionArn":"`+tapeARN+`"`, `"CheckpointToken":"t"`
	state := func(ops string) string { return `"InitialExecutionState":{"Operations":[` + ops + `]}` }
	exec := `{"Id":"8f3c1a","Type":"EXECUTION","Status":"STARTED"}`
	join := func(fields ...string) string { return "{" + strings.Join(fields, ",") + "}" }
	tests := []struct {
		reason, event string
		notDurable    bool
	}{
		{"nothing", "", false},
		{"not JSON", "{", false},
		{"not an object", "[1]", true},
		{"null", "null", true},
		{"the event of an ordinary function", `{"orderId":42}`, true},
		{"no ARN", join(token, state(exec)), true},
		{"an empty ARN", join(`"DurableExecutionArn":""`, token, state(exec)), true},
		{"no token", join(arn, state(exec)), true},
		{"no record of the execution", join(arn, token, state("")), false},
		{"an unknown kind", join(arn, token, state(exec+`,{"Id":"a","Type":"DREAM","Status":"STARTED"}`)), false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			ran, client := false, &tape{}
			f := replay.Handler(func(op.Context, op.None) (op.None, error) { ran = true; return op.None{}, nil })
			out, err := f.Invoke(onTape(t, client), []byte(tt.event))
			if err == nil || out != nil || ran || len(client.calls()) != 0 {
				t.Fatalf("answer %s, %v; the handler ran: %t", out, err, ran)
			}
			if tt.notDurable != errors.Is(err, checkpoint.ErrNotDurable) {
				t.Errorf("errors.Is(%v, checkpoint.ErrNotDurable) = %t", err, !tt.notDurable)
			}
		})
	}
}

// TestInvalidDeclarationIsRefused: the message names the operation and says what to do, nothing is
// recorded, and the handler may go on.
func TestInvalidDeclarationIsRefused(t *testing.T) {
	t.Parallel()
	noop := func(context.Context) error { return nil }
	step := func(name string, opts ...op.StepOption) op.Op[op.None] { return op.Do(name, noop, opts...) }
	tests := []struct {
		reason string
		o      op.Op[op.None]
		want   []string // what the message says
	}{
		{"the zero Op", op.Op[op.None]{}, []string{"the zero Op", "make operations with"}},
		{"an empty name", step(""), []string{"an operation without a name", "give it one"}},
		{"a name that is not ASCII", step("größe"), []string{`"größe"`, "only printable ASCII", "put other text into the key"}},
		{"a name with a line end", step("a\nb"), []string{`"a\nb"`, "only printable ASCII"}},
		{"a name that is too long", step(strings.Repeat("n", 257)), []string{`"nnnn`, "257 bytes", "at most 256"}},
		{"no body", op.Do("charge", nil), []string{`"charge"`, "nil function"}},
		{"a group without a body", op.Group[op.None]("order", nil), []string{`"order"`, "nil function"}},
		{"a builder without a body", op.DoFunc[int]("charge", nil)(1), []string{`"charge"`, "nil function"}},
		{"a negative wait", op.Wait("pause", -time.Second), []string{`"pause"`, "-1s", "at least one second"}},
		{"no wait", op.Wait("pause", 0), []string{`"pause"`, "at least one second"}},
		{"a wait of less than a second", op.Wait("pause", 999*time.Millisecond), []string{`"pause"`, "999ms", "at least one second", "leave it out"}},
		{"a wait that is too long", op.Wait("pause", 367*24*time.Hour), []string{`"pause"`, "at most"}},
		{"a wait until no time", op.WaitUntil("pause", time.Time{}), []string{`"pause"`, "zero time", "pass the time"}},
		{"a negative timeout", step("charge", op.WithTimeout(-1)), []string{`"charge"`, "WithTimeout(-1ns)", "zero means none"}},
		{"a semantics that is none", step("charge", op.WithSemantics(9)), []string{`"charge"`, "WithSemantics(9)", "AtMostOncePerRetry"}},
		{"an invalid policy", step("charge", op.WithRetry(retry.Fixed(-time.Second))), []string{`"charge"`, "WithRetry", "use zero or more"}},
		{"an error without a name", step("charge", op.WithErrors(codec.Sentinel("", errDeclined))), []string{`"charge"`, "1 to 256 printable ASCII"}},
		{"the zero registration", step("charge", op.WithErrors(codec.KnownError{})), []string{`"charge"`, "codec.Sentinel"}},
		{
			"an invalid sub-type", op.Group("order", func(op.Context) (op.None, error) { return op.None{}, nil }, op.WithSubType("a b")),
			[]string{`"order"`, `WithSubType("a b")`},
		},
	}
	for _, tt := range tests {
		for _, via := range []string{"Run", "Exec", "Go"} {
			t.Run(via+"/"+tt.reason, func(t *testing.T) {
				t.Parallel()
				client := &tape{}
				var got error
				f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
					switch via {
					case "Run":
						_, got = replay.Run(ctx, tt.o)
					case "Exec":
						got = replay.Exec(ctx, tt.o)
					default:
						got = replay.Exec(ctx, replay.Go(ctx, tt.o).Result())
					}
					return op.None{}, replay.Exec(ctx, step("fallback"))
				})
				answer := once(t, f, client)
				if answer != "SUCCEEDED {}" || got == nil {
					t.Fatalf("answer %s, the error is %v", answer, got)
				}
				for _, part := range tt.want {
					if !strings.Contains(got.Error(), part) {
						t.Errorf("the message %q does not say %q", got, part)
					}
				}
				if diff := cmp.Diff([]string{"START fallback, SUCCEED fallback"}, client.calls()); diff != "" {
					t.Errorf("calls (-want +got):\n%s", diff)
				}
				if err := op.Validate(tt.o); err == nil || err.Error() != got.Error() {
					t.Errorf("op.Validate says %v", err)
				}
			})
		}
	}
}

func TestWaitIsRoundedUpToWholeSeconds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ d, want time.Duration }{
		{time.Second, time.Second}, {time.Second + 1, 2 * time.Second}, {90*time.Second + 500*time.Millisecond, 91 * time.Second},
	} {
		d, want := tt.d, tt.want
		client := &tape{}
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return replay.Run(ctx, op.Wait("pause", d)) })
		if got := once(t, f, client); got != "PENDING" {
			t.Errorf("answer %s", got)
		}
		if got := client.update(t, checkpoint.ActionStart, "pause").Wait; got != want {
			t.Errorf("a wait of %v is sent as %v, want %v", d, got, want)
		}
	}
}

func TestZeroContext(t *testing.T) {
	t.Parallel()
	var ctx op.Context
	charge := op.Do("charge", func(context.Context) error { return nil })
	_, err := replay.Run(ctx, charge)
	for how, err := range map[string]error{"Run": err, "Exec": replay.Exec(ctx, charge)} {
		if err == nil || !strings.Contains(err.Error(), "pass the context that the handler or group was given") {
			t.Errorf("%s: the error is %v", how, err)
		}
	}
	replay.Go(ctx, charge)
	replay.OnEnd(ctx, func(context.Context, error) {})
	if replay.Suspending(ctx) || !replay.Now(ctx).IsZero() || replay.UUID(ctx, "a") != "" || ctx.Execution().ARN != "" {
		t.Error("the zero Context says something")
	}
	ctx.Logger().Info("not written")
}

// TestFunctionThatCannotRun: what is wrong with a handler or its options is reported by the first
// invocation.
func TestFunctionThatCannotRun(t *testing.T) {
	t.Parallel()
	noop := func(op.Context, op.None) (op.None, error) { return op.None{}, nil }
	tests := []struct {
		reason string
		f      *replay.Function[op.None, op.None]
		want   string
	}{
		{"the zero Function", &replay.Function[op.None, op.None]{}, "make functions with replay.Handler"},
		{"a nil handler", replay.Handler[op.None, op.None](nil), "pass the function that handles the event"},
		{"an invalid registration", replay.Handler(noop, replay.WithErrors(codec.Sentinel("a", nil))), "pass the value that errors.Is looks for"},
		{"invalid defaults", replay.Handler(noop, replay.WithStepDefaults(op.WithTimeout(-1))), "WithTimeout(-1ns)"},
		{"an invalid policy", replay.Handler(noop, replay.WithStepDefaults(op.WithRetry(retry.Fixed(-1)))), "use zero or more"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := once(t, tt.f, &tape{})
			if !strings.HasPrefix(got, "error ") || !strings.Contains(got, tt.want) {
				t.Errorf("answer %s, want an error that says %q", got, tt.want)
			}
		})
	}
	if got := once(t, replay.Handler(noop, nil), &tape{}); got != "SUCCEEDED {}" {
		t.Errorf("a nil option: %s", got)
	}
}

// TestRecordsOfAnotherSDKAreADivergence: positional IDs cannot be reached by our code.
func TestRecordsOfAnotherSDKAreADivergence(t *testing.T) {
	t.Parallel()
	foreign := checkpoint.Operation{
		ID: "c4ca4238a0b92382", Name: "charge", SubType: "Step", Kind: checkpoint.KindStep, Status: checkpoint.StatusSucceeded, Start: dawn,
	}
	ran, client := false, &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		_ = replay.Exec(ctx, op.Do("charge", func(context.Context) error { ran = true; return nil }))
		return op.None{}, nil
	})
	got := once(t, f, client, foreign)
	if !strings.HasPrefix(got, "FAILED NonDeterministicExecutionError: ") || !strings.Contains(got, "c4ca4238a0b92382") || ran || len(client.calls()) > 0 {
		t.Errorf("answer %s; the body ran: %t; calls %q", got, ran, client.calls())
	}
}

// pausing is a tape that pauses, or does not.
type pausing struct {
	*tape

	err     error
	reasons []string
}

func (p *pausing) Pause(_ context.Context, in checkpoint.PauseInput) error {
	if in.ARN != tapeARN || in.TimeoutRuns {
		return fmt.Errorf("paused is %+v", in)
	}
	p.reasons = append(p.reasons, in.Reason)
	return p.err
}

// wrapping hides what a client can do but for its Unwrap.
type wrapping struct{ checkpoint.Client }

func (w wrapping) Unwrap() checkpoint.Client { return w.Client }

// TestHoldKeepsAnExecutionThatDiverged: it is paused, with the divergence as the reason; if it
// cannot be, the invocation fails and says how long that holds.
func TestHoldKeepsAnExecutionThatDiverged(t *testing.T) {
	t.Parallel()
	last := func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
		return checkpoint.CheckpointOutput{}, nil
	}
	denied := apiError(403, "AccessDeniedException", "not authorized")
	const nine = "the service tries about 9 more times"
	tests := []struct {
		reason string
		client func(p *pausing) checkpoint.Client
		pause  error
		reply  func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error)
		// pending is the answer; otherwise the invocation fails and says so.
		pending bool
		says    string
		polls   int
	}{
		{"the service pauses it", nil, nil, last, true, "", 1},
		{"a client that wraps another one", func(p *pausing) checkpoint.Client { return wrapping{wrapping{p}} }, nil, last, true, "", 1},
		{"it is paused already", nil, apiError(409, "ResourceConflictException", "paused"), last, true, "", 1},
		{"the pause is not seen yet", nil, nil, nil, false, "the execution is paused: deploy code that fits, and resume it", 3},
		{"the function may not", nil, denied, last, false, "permit the function lambda:PauseDurableExecution", 0},
		{"the function may not, and how long is said", nil, denied, last, false, nine, 0},
		{"the network fails", nil, errors.New("connection reset"), last, false, "connection reset; " + nine, 0},
		{
			"the client cannot pause", func(p *pausing) checkpoint.Client { return p.tape }, nil, last, false,
			"the client has no call that pauses executions (checkpoint.Pauser); " + nine, 0,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var end replay.InvocationEnd
			p := &pausing{tape: &tape{reply: tt.reply}, err: tt.pause}
			client := checkpoint.Client(p)
			if tt.client != nil {
				client = tt.client(p)
			}
			f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
				_ = replay.Exec(ctx, op.Do("renamed", func(context.Context) error { return nil }))
				return op.None{}, nil
			}, replay.WithDivergence(replay.DivergenceHold), replay.WithLogHandler(slog.DiscardHandler), replay.WithInterceptors(replay.Interceptor{
				InvocationEnd: func(_ context.Context, _ replay.InvocationInfo, e replay.InvocationEnd) { end = e },
			}))
			ctx := checkpoint.WithClient(onTape(t, p.tape), client)
			out, err := f.Invoke(ctx, event(t, stepRecord("charge", checkpoint.StatusSucceeded)))
			if tt.pending {
				if got := say(out, err); got != "PENDING" || end.Status != "PENDING" {
					t.Errorf("answer %s, interceptors see %s, want PENDING", got, end.Status)
				}
				if len(p.reasons) != 1 || !strings.Contains(p.reasons[0], `"charge"`) || !strings.Contains(p.reasons[0], `"renamed"`) {
					t.Errorf("it was paused because of %q, want the divergence, once", p.reasons)
				}
				err = end.Err
			} else if err == nil || !strings.Contains(err.Error(), tt.says) || reflect.TypeOf(err).Elem().Name() != "DivergedError" {
				t.Errorf("the invocation ended with %T %v, want a DivergedError that says %q", err, err, tt.says)
			}
			if diverged, ok := errors.AsType[*replay.DivergedError](err); !ok || !strings.Contains(diverged.Log, `"charge"`) {
				t.Errorf("the error is %v, want a *replay.DivergedError", err)
			}
			for _, call := range p.calls() {
				if call != "" {
					t.Errorf("something was written: %s", call)
				}
			}
			if len(p.calls()) != tt.polls {
				t.Errorf("%d calls without updates, want %d", len(p.calls()), tt.polls)
			}
		})
	}
}

// TestReasonOfAHoldHasRoom: a reason has at most 1,024 characters, and nothing in it that errors
// are encoded to hide.
func TestReasonOfAHoldHasRoom(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("é", 2000)
	for _, opts := range [][]replay.HandlerOption{nil, {replay.WithErrorCodec(codec.JSON())}} {
		p := &pausing{tape: &tape{reply: func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
			return checkpoint.CheckpointOutput{}, nil
		}}}
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return op.None{}, replay.Exec(ctx, op.Do("step", func(context.Context) error { return nil }).Key(secret))
		}, append(opts, replay.WithDivergence(replay.DivergenceHold), replay.WithLogHandler(slog.DiscardHandler))...)
		out, err := f.Invoke(checkpoint.WithClient(onTape(t, p.tape), p), event(t, stepRecord("charge", checkpoint.StatusSucceeded)))
		if got := say(out, err); got != "PENDING" || len(p.reasons) != 1 {
			t.Fatalf("answer %s, reasons %q", got, p.reasons)
		}
		if n := utf8.RuneCountInString(p.reasons[0]); n > 1024 || opts != nil && strings.Contains(p.reasons[0], "charge") {
			t.Errorf("the reason has %d characters: %.100s", n, p.reasons[0])
		}
	}
}

// TestDivergenceFromTheEnvironment: the variable counts where no option says anything.
func TestDivergenceFromTheEnvironment(t *testing.T) {
	mode := replay.WithDivergence
	for _, tt := range []struct {
		reason, value string
		opts          []replay.HandlerOption
		want          string
	}{
		{"none fails", "", nil, "FAILED"},
		{"fail", "fail", nil, "FAILED"},
		{"hold", "hold", nil, "PENDING"},
		{"an option counts more", "hold", []replay.HandlerOption{mode(replay.DivergenceFail)}, "FAILED"},
		{"an option counts more, also to hold", "fail", []replay.HandlerOption{mode(replay.DivergenceHold)}, "PENDING"},
		{"nonsense", "Hold", nil, `error replay: the handler's options: the environment variable PERDURE_DIVERGENCE is "Hold": want fail or hold`},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			t.Setenv("PERDURE_DIVERGENCE", tt.value)
			p := &pausing{tape: &tape{reply: func(int, checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
				return checkpoint.CheckpointOutput{}, nil
			}}}
			f := replay.Handler(func(op.Context, op.None) (op.None, error) { return op.None{}, nil },
				append(tt.opts, replay.WithLogHandler(slog.DiscardHandler))...)
			out, err := f.Invoke(checkpoint.WithClient(onTape(t, p.tape), p), event(t, stepRecord("charge", checkpoint.StatusSucceeded)))
			if got := say(out, err); !strings.HasPrefix(got, tt.want) {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
}
