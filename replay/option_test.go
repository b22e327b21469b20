package replay_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Options that mean nothing are reported by the first invocation, before anything has run.
func TestHandlerOptionsThatMeanNothing(t *testing.T) {
	t.Parallel()
	first, second := errors.New("first"), errors.New("second")
	tests := []struct {
		name, reason string
		option       replay.HandlerOption
		want         string
	}{
		{
			"a reaction that does not exist", "it would count as Fail", replay.WithDivergence(9),
			"replay.WithDivergence(9): want replay.DivergenceFail or replay.DivergenceHold",
		},
		{
			"a negative reaction", "as one that is too great", replay.WithDivergence(-1),
			"replay.WithDivergence(-1): want replay.DivergenceFail or replay.DivergenceHold",
		},
		{
			"a negative margin", "it would count as none", replay.WithDeadlineMargin(-1),
			"replay.WithDeadlineMargin(-1ns): the margin is not negative; zero means none",
		},
		{
			"negative interruptions", "they would count as none", replay.WithMaxInterruptions(-1),
			"replay.WithMaxInterruptions(-1): the number is not negative; zero asks the step's policy",
		},
		{
			"a negative grace", "it would count as none", replay.WithGrace(-time.Second),
			"replay.WithGrace(-1s): the time is not negative; zero does not wait",
		},
		{
			"the zero codec", "the first step would have run for nothing", replay.WithCodec(codec.Typed[int]{}.Codec()),
			"replay.WithCodec: codec: a function of this codec is nil: make it with codec.Of and two functions",
		},
		{
			"a bad default of steps", "it names the option, and no step", replay.WithStepDefaults(op.WithTimeout(-1)),
			`op: "replay.WithStepDefaults": op.WithTimeout(-1ns): a timeout is not negative; zero means none`,
		},
		{
			"a nil filter as a default", "as in a step", replay.WithStepDefaults(op.WithRetryIf(nil)),
			`op: "replay.WithStepDefaults": op.WithRetryIf: retry: invalid policy: a filter is nil`,
		},
		{
			"two errors of one name", "the second could never be restored",
			replay.WithErrors(codec.Sentinel("x", first), codec.Sentinel("x", second)),
			`codec: the name "x" is registered for two errors: a recorded failure would be restored as the first; give one of them another name`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ran := false
			f := replay.Handler(func(op.Context, op.None) (int, error) { ran = true; return 1, nil }, tt.option)
			b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
				ARN: tapeARN, Token: "t", Operations: []checkpoint.Operation{execution("null")},
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Invoke(onTape(t, &tape{}), b)
			if err == nil || !strings.HasSuffix(err.Error(), ": "+tt.want) || ran {
				t.Errorf("%s: the handler ran: %v\n got %v\nwant %s", tt.reason, ran, err, tt.want)
			}
		})
	}
}

// Errors of one name are found as well if they are registered by two options.
func TestErrorsOfOneNameInTwoOptions(t *testing.T) {
	t.Parallel()
	known := func(text string) codec.KnownError { return codec.Sentinel("x", errors.New(text)) }
	for name, opts := range map[string][]replay.HandlerOption{
		"twice":              {replay.WithErrors(known("a")), replay.WithErrors(known("b"))},
		"and by a default":   {replay.WithErrors(known("a")), replay.WithStepDefaults(op.WithErrors(known("b")))},
		"a default is first": {replay.WithStepDefaults(op.WithErrors(known("a"))), replay.WithErrors(known("b"))},
	} {
		f := replay.Handler(func(op.Context, op.None) (int, error) { return 1, nil }, opts...)
		if _, err := f.Invoke(t.Context(), nil); err == nil || !strings.Contains(err.Error(), `the name "x" is registered for two errors`) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A nil policy is refused wherever one is taken, before the body runs, as the operation's error or
// the handler's.
func TestNilPolicyIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		opts   []op.StepOption
		set    []replay.HandlerOption
		want   string
	}{
		{"of a step", []op.StepOption{op.WithRetry(nil)}, nil, `op: "pay": op.WithRetry: retry: invalid policy: it is nil`},
		{
			"after another one",
			[]op.StepOption{op.WithRetry(retry.Fixed(time.Second)), op.WithRetry(nil)},
			nil,
			`op: "pay": op.WithRetry: retry: invalid policy: it is nil`,
		},
		{
			"of all steps", nil,
			[]replay.HandlerOption{replay.WithStepDefaults(op.WithRetry(nil))},
			`replay: the handler's options: op: "replay.WithStepDefaults": op.WithRetry: retry: invalid policy: it is nil`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			runs := 0
			out, err := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				return 0, replay.Exec(ctx, op.Do("pay", func(context.Context) error { runs++; return errors.New("down") }, tt.opts...))
			}, tt.set...).Invoke(onTape(t, &tape{}), event(t))
			if got := fmt.Sprint(string(out), err); runs != 0 || !strings.Contains(strings.ReplaceAll(got, `\"`, `"`), tt.want) {
				t.Errorf("the body ran %d times; got %s, want no run and %s", runs, got, tt.want)
			}
		})
	}
}

// selfRead counts what encoding/json says to it.
type selfRead struct{ calls int }

func (r *selfRead) UnmarshalJSON([]byte) error { r.calls++; return nil }

// Without an event, and if it is null, the input is the zero value of its type: nothing is decoded,
// not even by a type that decodes itself.
func TestNullEventIsTheZeroValue(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"", " ", "null", " null\n"} {
		for name, zero := range map[string]bool{
			"raw JSON":                zeroInput[json.RawMessage](t, event),
			"pointer to raw JSON":     zeroInput[*json.RawMessage](t, event),
			"type that reads itself":  zeroInput[selfRead](t, event),
			"pointer to such a type":  zeroInput[*selfRead](t, event),
			"map":                     zeroInput[map[string]int](t, event),
			"interface":               zeroInput[any](t, event),
			"number":                  zeroInput[int](t, event),
			"struct with such a type": zeroInput[struct{ N selfRead }](t, event),
		} {
			if !zero {
				t.Errorf("event %q: the input is not the zero value of a %s", event, name)
			}
		}
	}
}

func zeroInput[In any](t *testing.T, event string) (zero bool) {
	t.Helper()
	rec := execution(event)
	b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{ARN: tapeARN, Token: "t", Operations: []checkpoint.Operation{rec}})
	if err != nil {
		t.Fatal(err)
	}
	f := replay.Handler(func(_ op.Context, in In) (int, error) {
		zero = reflect.ValueOf(&in).Elem().IsZero()
		return 0, nil
	})
	if _, err := f.Invoke(onTape(t, &tape{}), b); err != nil {
		t.Fatal(err)
	}
	return zero
}

// Every option of a handler is given what a forgotten field holds: its documentation says what that
// means, or the first invocation refuses it. An option that is not in the table fails the test.
func TestEveryHandlerOptionGivenNothing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		option  string
		given   replay.HandlerOption
		refused bool
		reason  string
	}{
		{"WithClient", replay.WithClient(nil), false, "that of the environment"},
		{"WithErrors", replay.WithErrors(), false, "none is registered"},
		{"WithErrors", replay.WithErrors(codec.KnownError{}), true, "the zero registration is of nothing"},
		{"WithCodec", replay.WithCodec(nil), false, "JSON"},
		{"WithHandlerCodec", replay.WithHandlerCodec(nil), false, "JSON"},
		{"WithStrictRecords", replay.WithStrictRecords(), false, "it takes nothing"},
		{"WithOldInput", replay.WithOldInput[int, op.None](nil), true, "nothing takes the old input over"},
		{"WithErrorCodec", replay.WithErrorCodec(nil), false, "errors are recorded as they are"},
		{"WithStepDefaults", replay.WithStepDefaults(), false, "the defaults of steps"},
		{"WithStepDefaults", replay.WithStepDefaults(nil), false, "a nil option is none"},
		{"WithLogHandler", replay.WithLogHandler(nil), false, "the default"},
		{"WithReplayLogs", replay.WithReplayLogs(nil), false, "silent while it replays"},
		{"WithStackTraces", replay.WithStackTraces(), false, "it takes nothing"},
		{"WithDivergence", replay.WithDivergence(0), false, "replay.DivergenceFail"},
		{"WithDeadlineMargin", replay.WithDeadlineMargin(0), false, "no margin"},
		{"WithMaxInterruptions", replay.WithMaxInterruptions(0), false, "the policy is asked about each"},
		{"WithReadyStart", replay.WithReadyStart(false), false, "one update less"},
		{"WithGrace", replay.WithGrace(0), false, "does not wait"},
		{"WithInterceptors", replay.WithInterceptors(), false, "none"},
		{"WithInterceptors", replay.WithInterceptors(replay.Interceptor{}), false, "one that wants to know nothing"},
		{"nil", nil, false, "a nil option is none"},
	}
	tried := make(map[string]bool)
	for _, tt := range tests {
		tried[tt.option] = true
		f := replay.Handler(func(op.Context, op.None) (int, error) { return 1, nil }, tt.given)
		got := say(f.Invoke(onTape(t, &tape{}), event(t, execution("null"))))
		if refused := got != "SUCCEEDED 1"; refused != tt.refused {
			t.Errorf("%s: %s: got %s", tt.option, tt.reason, got)
		}
	}
	for _, name := range []string{"option.go", "oldinput.go", "interceptor.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (With\w+)[\[(]`).FindAllStringSubmatch(string(text), -1) {
			if !tried[m[1]] {
				t.Errorf("%s: %s is not tried with nothing: add it to the table", name, m[1])
			}
		}
	}
}
