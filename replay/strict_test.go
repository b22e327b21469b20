package replay_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

type paid struct {
	ID    string `json:"id"`
	Total int    `json:"total"`
}

var errStrictDeclined = errors.New("declined")

// declinedRecord is the failure of a step with an error that was registered as declined.
var declinedRecord = checkpoint.Failure{
	Type: "declined", Message: "declined", Data: `{"perdure":{"known":[{"name":"declined"}]}}`,
}

// charged is a handler that reads the result of a step, and waits after it.
func charged[T any](opts ...replay.HandlerOption) *replay.Function[op.None, string] {
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		_, err := replay.Run(ctx, op.Step("charge", func(context.Context) (T, error) { panic("it has a record") }))
		if errors.Is(err, errStrictDeclined) {
			return "declined", nil
		}
		return "charged", err
	}, opts...)
}

func TestStrictRecords(t *testing.T) {
	t.Parallel()
	succeeded := func(payload string) checkpoint.Operation {
		return stepRecord("charge", checkpoint.StatusSucceeded, withResult(payload))
	}
	absent := stepRecord("charge", checkpoint.StatusSucceeded)
	failed := stepRecord("charge", checkpoint.StatusFailed, withFailure(declinedRecord))
	strict := replay.WithStrictRecords()
	known := replay.WithErrors
	tests := []struct {
		reason string
		f      *replay.Function[op.None, string]
		log    checkpoint.Operation
		want   []string // of the answer; the first is what it begins with
	}{
		{"a record that the type wrote", charged[paid](strict), succeeded(`{"id":"A-1","total":5}`), []string{`SUCCEEDED "charged"`}},
		{
			"a renamed tag", charged[paid](strict), succeeded(`{"id":"A-1","amount":5}`),
			[]string{"FAILED NonDeterministicExecutionError", "member .amount has no place in replay_test.paid", `the payload of "charge"`},
		},
		{"a renamed tag without the option", charged[paid](), succeeded(`{"id":"A-1","amount":5}`), []string{`SUCCEEDED "charged"`}},
		{"a renamed tag with a codec of its own", charged[paid](strict, replay.WithCodec(codec.JSON())), succeeded(`{"amount":5}`), []string{`SUCCEEDED`}},
		{"a strict codec without the option", charged[paid](replay.WithCodec(codec.Strict())), succeeded(`{"amount":5}`), []string{"FAILED NonDeterministicExecutionError", ".amount"}},
		{"what may be lost", charged[paid](replay.WithCodec(codec.Strict("amount"))), succeeded(`{"amount":5}`), []string{`SUCCEEDED "charged"`}},
		{"a step without a result has gained one", charged[paid](strict), absent, []string{"FAILED NonDeterministicExecutionError", "the record has no value, and replay_test.paid needs one"}},
		{
			"a step of op.None has gained a result", charged[paid](strict), succeeded(`{}`),
			[]string{"FAILED NonDeterministicExecutionError", "the record has no members, and replay_test.paid has .id"},
		},
		{"the same without the option", charged[paid](), succeeded(`{}`), []string{`SUCCEEDED "charged"`}},
		{"a map without members", charged[map[string]int](strict), succeeded(`{}`), []string{`SUCCEEDED "charged"`}},
		{"a type that leaves out what is empty", charged[struct {
			Note string `json:"note,omitempty"`
		}](strict), succeeded(`{}`), []string{`SUCCEEDED "charged"`}},
		{"a member that may be missing", charged[paid](replay.WithCodec(codec.Strict("id"))), succeeded(`{}`), []string{`SUCCEEDED "charged"`}},
		{"the same, a string", charged[string](strict), absent, []string{"FAILED NonDeterministicExecutionError", "string needs one"}},
		{"the same without the option", charged[paid](), absent, []string{`SUCCEEDED "charged"`}},
		{"a step without a result", charged[op.None](strict), absent, []string{`SUCCEEDED "charged"`}},
		{"a step that lost its result", charged[op.None](strict), succeeded(`5`), []string{"FAILED NonDeterministicExecutionError", "cannot unmarshal"}},
		{"a string", charged[string](strict), succeeded(`"A-1"`), []string{`SUCCEEDED "charged"`}},
		{"a registered error", charged[paid](strict, known(codec.Sentinel("declined", errStrictDeclined))), failed, []string{`SUCCEEDED "declined"`}},
		{
			"its registration is gone", charged[paid](strict), failed,
			[]string{"FAILED NonDeterministicExecutionError", `was registered as "declined", and nothing registers that name`, "codec.Renamed"},
		},
		{"its registration is gone, without the option", charged[paid](), failed, []string{"FAILED declined: "}},
		{
			"its registration is renamed", charged[paid](strict, known(codec.Sentinel("card-declined", errStrictDeclined))), failed,
			[]string{"FAILED NonDeterministicExecutionError", `registered as "declined"`},
		},
		{
			"its registration says the former name", charged[paid](strict, known(codec.Renamed("declined", codec.Sentinel("card-declined", errStrictDeclined)))),
			failed,
			[]string{`SUCCEEDED "declined"`},
		},
		{
			"of no registration", charged[paid](strict),
			stepRecord("charge", checkpoint.StatusFailed, withFailure(checkpoint.Failure{Type: "declined", Message: "declined"})),
			[]string{"FAILED declined: "},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := once(t, tt.f, &tape{}, tt.log)
			if !strings.HasPrefix(got, tt.want[0]) {
				t.Errorf("answer %s, want %s", got, tt.want[0])
			}
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("answer %s does not say %s", got, want)
				}
			}
		})
	}
}

// TestStrictRecordsOfGroups: of a group that registers an error no more, a rehearsal warns. What
// only something inside of it registers, it has always passed on.
func TestStrictRecordsOfGroups(t *testing.T) {
	t.Parallel()
	declined := codec.Sentinel("declined", errStrictDeclined)
	pay := func(ofGroup, ofStep []codec.KnownError) *replay.Function[op.None, bool] {
		return replay.Handler(func(ctx op.Context, _ op.None) (bool, error) {
			_, err := replay.Run(ctx, op.Group("pay", func(ctx op.Context) (int, error) {
				return replay.Run(ctx, op.Step("charge", func(context.Context) (int, error) {
					return 0, retry.Permanent(errStrictDeclined)
				}, op.WithErrors(ofStep...)))
			}, op.WithErrors(ofGroup...)))
			return errors.Is(err, errStrictDeclined), replay.Exec(ctx, op.Wait("dry", time.Hour))
		}, replay.WithStrictRecords())
	}
	some, none := []codec.KnownError{declined}, []codec.KnownError(nil)
	renamed := []codec.KnownError{codec.Sentinel("card-declined", errStrictDeclined)}
	for _, tt := range []struct {
		reason        string
		before, after *replay.Function[op.None, bool]
		warns         bool
	}{
		{"the same code", pay(some, none), pay(some, none), false},
		{"the same code, of which the step alone registers", pay(none, some), pay(none, some), false},
		{"the registration moves to the step", pay(some, none), pay(none, some), true},
		{"it is gone", pay(some, none), pay(none, none), true},
		{"it is renamed", pay(some, none), pay(renamed, none), true},
		{"it says its former name", pay(some, none), pay([]codec.KnownError{codec.Renamed("declined", renamed[0])}, none), false},
		{"it is added", pay(none, some), pay(some, some), false},
	} {
		r, err := tt.after.Rehearse(t.Context(), suspended(t, tt.before, "null"))
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != replay.VerdictFits || tt.warns != (len(r.Unregistered) == 1 && r.Unregistered[0].Path == "pay" && r.Unregistered[0].Name == "declined") {
			t.Errorf("%s: %s, %v, unregistered %v", tt.reason, r.Verdict, r.Diverged, r.Unregistered)
		}
	}
}

// TestStrictRecordsAreOnesOwn: what others write may have more members, and errors pass from one
// operation to another.
func TestStrictRecordsAreOnesOwn(t *testing.T) {
	t.Parallel()
	invoked := func(name, payload string) checkpoint.Operation {
		return stepRecord(name, checkpoint.StatusSucceeded, withResult(payload), func(o *checkpoint.Operation) {
			o.Kind, o.SubType = checkpoint.KindChainedInvoke, "ChainedInvoke"
		})
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (paid, error) {
		return replay.Run(ctx, op.Invoke[paid]("pay", "payment:1", op.None{}))
	}, replay.WithStrictRecords())
	if got := once(t, f, &tape{}, invoked("pay", `{"id":"A-1","total":5,"vat":1}`)); got != `SUCCEEDED {"id":"A-1","total":5}` {
		t.Errorf("the result of another function: %s", got)
	}

	group := stepRecord("order", checkpoint.StatusFailed, withFailure(declinedRecord), func(o *checkpoint.Operation) {
		o.Kind, o.SubType = checkpoint.KindContext, "RunInChildContext"
	})
	notify := stepRecord("notify", checkpoint.StatusFailed, withFailure(declinedRecord))
	passes := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		_, err := replay.Run(ctx, op.Group("order", func(op.Context) (op.None, error) { panic("it has a record") }))
		_, err = replay.Run(ctx, op.Do("notify", func(context.Context) error { return err }))
		return "went on", errors.Unwrap(err)
	}, replay.WithStrictRecords())
	if got := once(t, passes, &tape{}, group, notify); got != `SUCCEEDED "went on"` {
		t.Errorf("an error that is registered inside of a group, and passed on: %s", got)
	}
}

func TestStrictInput(t *testing.T) {
	t.Parallel()
	handler := func(_ op.Context, in paid) (string, error) { return in.ID + strconv.Itoa(in.Total), nil }
	waits := func(ctx op.Context, in paid) (string, error) {
		return replay.Run(ctx, op.Step("charge", func(context.Context) (string, error) { return in.ID, nil }))
	}
	charge := stepRecord("charge", checkpoint.StatusSucceeded, withResult(`"A-1"`))
	tests := []struct {
		reason string
		f      *replay.Function[paid, string]
		input  string
		log    []checkpoint.Operation
		want   string
	}{
		{"all has a place", replay.Handler(handler, replay.WithStrictRecords()), `{"id":"A-","total":1}`, nil, `SUCCEEDED "A-1"`},
		{"null, and members that are missing", replay.Handler(handler, replay.WithStrictRecords()), `{"id":null}`, nil, `SUCCEEDED "0"`},
		{"a member without a place", replay.Handler(handler, replay.WithStrictRecords()), `{"amount":1}`, nil, "FAILED CodecError: replay: the input does not fit replay_test.paid: codec: decode input: the recorded member .amount has no place"},
		{"a member without a place, and records", replay.Handler(waits, replay.WithStrictRecords()), `{"amount":1}`, []checkpoint.Operation{charge}, "FAILED NonDeterministicExecutionError: replay: the execution diverged in the handler: replay: the input does not fit replay_test.paid: codec: decode input: the recorded member .amount has no place"},
		{"another type, and records", replay.Handler(waits), `{"id":1}`, []checkpoint.Operation{charge}, "FAILED NonDeterministicExecutionError: replay: the execution diverged in the handler: replay: the input does not fit"},
		{"another type, records, and holding", replay.Handler(waits, replay.WithDivergence(replay.DivergenceHold)), `{"id":1}`, []checkpoint.Operation{charge}, "error replay: the execution diverged"},
		{"a codec of its own", replay.Handler(handler, replay.WithStrictRecords(), replay.WithHandlerCodec(codec.JSON())), `{"amount":1}`, nil, `SUCCEEDED "0"`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := answered(t, tt.f, tt.input, tt.log...); !strings.HasPrefix(got, tt.want) {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
}

// answered runs one invocation with an input.
func answered[In, Out any](tb testing.TB, f *replay.Function[In, Out], input string, log ...checkpoint.Operation) string {
	tb.Helper()
	b, err := checkpoint.EncodeInvocation(checkpoint.Invocation{
		ARN: tapeARN, Token: "t", Operations: append([]checkpoint.Operation{execution(input)}, log...),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return say(f.Invoke(onTape(tb, &tape{}), b))
}

func TestOldInput(t *testing.T) {
	t.Parallel()
	type v1 struct {
		Amount int `json:"amount"`
	}
	type v2 struct {
		ID     string `json:"id"`
		Amount int    `json:"amount"`
	}
	type now struct {
		ID       string `json:"id"`
		Cents    int    `json:"cents"`
		Currency string `json:"currency"`
		Note     string `json:"note,omitempty"`
	}
	show := func(_ op.Context, in now) (string, error) {
		return in.ID + "/" + strconv.Itoa(in.Cents) + "/" + in.Currency, nil
	}
	from2 := replay.WithOldInput(func(o v2) (now, error) {
		if o.Amount < 0 {
			return now{}, errors.New("a negative amount")
		}
		if o.Amount == 13 {
			panic("thirteen")
		}
		return now{ID: o.ID, Cents: 100 * o.Amount, Currency: "EUR"}, nil
	})
	from1 := replay.WithOldInput(func(o v1) (now, error) { return now{ID: "none", Cents: 100 * o.Amount, Currency: "DEM"}, nil })
	f := replay.Handler(show, from2, from1)
	sealed := replay.Handler(show, from2, from1, replay.WithHandlerCodec(codec.Chain(codec.JSON())))
	strict := replay.Handler(show, from2, from1, replay.WithStrictRecords())
	charge := stepRecord("charge", checkpoint.StatusSucceeded, withResult(`"A-1"`))
	tests := []struct {
		reason string
		f      *replay.Function[now, string]
		input  string
		log    []checkpoint.Operation
		want   string
	}{
		{"of today", f, `{"id":"A-1","cents":5,"currency":"USD"}`, nil, `SUCCEEDED "A-1/5/USD"`},
		{"of today, with all members", f, `{"id":"A-1","cents":5,"currency":"USD","note":"x"}`, nil, `SUCCEEDED "A-1/5/USD"`},
		{"the former one", f, `{"id":"A-1","amount":5}`, nil, `SUCCEEDED "A-1/500/EUR"`},
		{"the one before that", f, `{"amount":5}`, nil, `SUCCEEDED "none/500/DEM"`},
		{"of today, not complete", f, `{"id":"A-1","cents":5}`, nil, `SUCCEEDED "A-1/5/"`},
		{"what all have in common is of today", f, `{"id":"A-1"}`, nil, `SUCCEEDED "A-1/0/"`},
		{"of none: as without the option", f, `{"id":"A-1","amount":5,"more":1}`, nil, `SUCCEEDED "A-1/0/"`},
		{"of none: strict records refuse it", strict, `{"id":"A-1","amount":5,"more":1}`, nil, "FAILED CodecError: replay: the input does not fit"},
		{"the former one, strict", strict, `{"id":"A-1","amount":5}`, nil, `SUCCEEDED "A-1/500/EUR"`},
		{"the former one, with a chain", sealed, `{"id":"A-1","amount":5}`, nil, `SUCCEEDED "A-1/500/EUR"`},
		{"null", f, `null`, nil, `SUCCEEDED "/0/"`},
		{"none", f, ``, nil, `SUCCEEDED "/0/"`},
		{"no JSON", f, `{`, nil, "FAILED SyntaxError: replay: the input does not fit"},
		{"an error of the function", f, `{"id":"A-1","amount":-1}`, nil, "FAILED Error: replay: the input is a replay_test.v2 and cannot be taken over: a negative amount"},
		{"its error, and records", f, `{"id":"A-1","amount":-1}`, []checkpoint.Operation{charge}, "FAILED NonDeterministicExecutionError: "},
		{"a panic of the function", f, `{"id":"A-1","amount":13}`, nil, "FAILED Error: replay: taking over the input, a replay_test.v2, panicked: thirteen"},
		{"a nil function", replay.Handler(show, replay.WithOldInput[v1, now](nil)), `{}`, nil, "error replay: the handler's options: replay.WithOldInput[replay_test.v1](nil)"},
		{
			"of another handler", replay.Handler(show, replay.WithOldInput(func(v1) (v2, error) { return v2{}, nil })), `{}`, nil,
			"error replay: the handler's options: replay.WithOldInput of replay_test.v1 makes a replay_test.v2, and the handler takes a replay_test.now",
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := answered(t, tt.f, tt.input, tt.log...); !strings.HasPrefix(got, tt.want) {
				t.Errorf("answer %s, want %s", got, tt.want)
			}
		})
	}
	text := replay.Handler(func(_ op.Context, in string) (string, error) { return in, nil }, replay.WithHandlerCodec(codec.Raw()),
		replay.WithOldInput(func(o []byte) (string, error) { return string(o), nil }))
	if got := answered(t, text, `a`); got != `SUCCEEDED a` {
		t.Errorf("a codec that writes no JSON: %s", got)
	}
}
