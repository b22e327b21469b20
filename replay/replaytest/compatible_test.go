package replaytest_test

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
	"github.com/perdure/perdure/retry"
)

type paid struct{ ID, Amount string }

var errRefused = errors.New("refused")

func stepOf[T any](name string, v T) op.Op[T] {
	return op.Step(name, func(context.Context) (T, error) { return v, nil })
}

// began is the code that the histories of this file were recorded with.
func began(ctx op.Context, _ op.None) (string, error) {
	p, err := replay.Run(ctx, stepOf("charge", paid{"p", "5"}))
	if err == nil {
		err = replay.Exec(ctx, op.Wait("cool-off", time.Hour))
	}
	if err == nil {
		_, _ = replay.Run(ctx, op.Step("ship", func(context.Context) (int, error) { return 0, retry.Permanent(errRefused) },
			op.WithErrors(codec.Sentinel("refused", errRefused))))
		err = replay.Exec(ctx, op.Wait("dry", time.Hour))
	}
	return p.ID + p.Amount, err
}

// recorded returns the history of an execution that has ended.
func recorded[In, Out any](tb testing.TB, f *replay.Function[In, Out], input string) replaytest.History {
	tb.Helper()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	defer svc.Close()
	ctx := tb.Context()
	if err := svc.Host("order", f); err != nil {
		tb.Fatal(err)
	}
	e, err := svc.Start(ctx, "order", "o-1", []byte(input))
	if err != nil {
		tb.Fatal(err)
	}
	if err := e.Drive(ctx); err != nil {
		tb.Fatal(err)
	}
	return replaytest.HistoryOf(e)
}

// TestCompatible compares changed code with a history of the code before.
func TestCompatible(t *testing.T) {
	t.Parallel()
	type total struct{ ID, Total string }
	changed := func(charge op.Operation, known ...codec.KnownError) func(ctx op.Context, _ op.None) (string, error) {
		return func(ctx op.Context, _ op.None) (string, error) {
			result := "p5"
			var err error
			switch o := charge.(type) {
			case op.Op[paid]:
				_, err = replay.Run(ctx, o)
			case op.Op[total]:
				_, err = replay.Run(ctx, o)
			case op.Op[int]:
				_, err = replay.Run(ctx, o)
			}
			if err == nil {
				err = replay.Exec(ctx, op.Wait("cool-off", time.Hour))
			}
			if err == nil {
				_, _ = replay.Run(ctx, op.Step("ship", func(context.Context) (int, error) { return 0, errRefused }, op.WithErrors(known...)))
				err = replay.Exec(ctx, op.Wait("dry", time.Hour))
			}
			return result, err
		}
	}
	refused := codec.Sentinel("refused", errRefused)
	tests := []struct {
		reason string
		code   func(ctx op.Context, _ op.None) (string, error)
		opts   []replaytest.CompatibleOption
		want   []string // one for each failure
	}{
		{"the same code", began, nil, nil},
		{"more at the end", func(ctx op.Context, _ op.None) (string, error) {
			v, err := began(ctx, op.None{})
			if err == nil {
				err = replay.Exec(ctx, stepOf("thank", 1))
			}
			return v, err
		}, nil, nil},
		{"a step in front", func(ctx op.Context, _ op.None) (string, error) {
			if err := replay.Exec(ctx, stepOf("check-fraud", 1)); err != nil {
				return "", err
			}
			return began(ctx, op.None{})
		}, nil, []string{`o-1 after event 2 (StepStarted of "charge"): compatible_test.go:LINE: an operation was inserted` +
			`…declare the change (docs/changing-code.md): op.Step("check-fraud", …).Was("charge") if that was its name, op.Added(op.Step("check-fraud", …), v)`}},
		{"a type that cannot be read", changed(stepOf("charge", 5), refused), nil, []string{
			`compatible_test.go:LINE: the recorded payload does not fit the declared type…op.Replaces(new, op.Transform(old, convert)), in which old is "charge" as it was`,
		}},
		{"a member without a place", changed(stepOf("charge", total{}), refused), nil, []string{
			`compatible_test.go:LINE: the result of "charge" has recorded members that have no place in replaytest_test.total: [.Amount]; declare the change: op.Replaces(new, op.Transform(old, convert))`,
		}},
		{"that may be lost", changed(stepOf("charge", total{}), refused), []replaytest.CompatibleOption{replaytest.WithLossyAllowed()}, nil},
		{"a registration that is gone", changed(stepOf("charge", paid{})), nil, []string{
			`compatible_test.go:LINE: the error of "ship" was recorded as "refused", which nothing registers; declare the change: codec.Renamed("refused", …)`,
		}},
		{"an operation is gone", func(ctx op.Context, _ op.None) (string, error) {
			p, err := replay.Run(ctx, stepOf("charge", paid{"p", "5"}))
			return p.ID + p.Amount, err
		}, nil, []string{`compatible_test.go:LINE: a recorded operation was removed…op.Removed(op.Wait("cool-off", …)) where it stood`}},
		{"another kind", func(ctx op.Context, _ op.None) (string, error) {
			return "p5", replay.Exec(ctx, op.Wait("charge", time.Hour))
		}, nil, []string{`compatible_test.go:LINE: `}},
		{"another result", func(ctx op.Context, _ op.None) (string, error) {
			v, err := began(ctx, op.None{})
			return v + "!", err
		}, nil, []string{`recorded with the result "p5", and the code makes "p5!"`}},
		{"that may be", func(ctx op.Context, _ op.None) (string, error) {
			v, err := began(ctx, op.None{})
			return v + "!", err
		}, []replaytest.CompatibleOption{replaytest.WithOtherResults(), nil}, nil},
		{"it fails", func(ctx op.Context, _ op.None) (string, error) {
			_, err := began(ctx, op.None{})
			return "", errors.Join(err, errRefused)
		}, nil, []string{`recorded with the result "p5", and the code fails with`}},
	}
	h := recorded(t, replay.Handler(began), "null")
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			r := record(t, func(tb *recorder) {
				replaytest.Compatible(tb, replay.Handler(tt.code), []replaytest.History{h}, tt.opts...)
			})
			if len(r.errs) != len(tt.want) {
				t.Fatalf("the failures are:\n%s", strings.Join(r.errs, "\n"))
			}
			for i, want := range tt.want {
				pattern := strings.ReplaceAll(strings.ReplaceAll(regexp.QuoteMeta(want), "LINE", `\d+`), "…declare", ".*declare")
				if !regexp.MustCompile(strings.ReplaceAll(pattern, "…op", ".*op")).MatchString(r.errs[i]) {
					t.Errorf("the failure does not say %q:\n%s", want, r.errs[i])
				}
			}
		})
	}
}

// What an operation inside of a group registers, and the group does not, is found by neither the
// first run nor a replay: the same code is compatible.
func TestCompatibleWithErrorsInsideOfGroups(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, _ op.None) (bool, error) {
		_, err := replay.Run(ctx, op.Group("pay", func(ctx op.Context) (int, error) {
			return replay.Run(ctx, op.Step("charge", func(context.Context) (int, error) { return 0, retry.Permanent(errRefused) },
				op.WithErrors(codec.Sentinel("refused", errRefused))))
		}))
		return errors.Is(err, errRefused), replay.Exec(ctx, op.Wait("dry", time.Hour))
	})
	h := recorded(t, f, "null")
	replaytest.Compatible(t, f, []replaytest.History{h})
	if got := h.Events[len(h.Events)-1].Result.String(); got != "false" {
		t.Errorf("the group registers nothing, and errors.Is is %s", got)
	}
}

// A payload that the service has cut off ends the comparison there, and says so.
func TestCompatibleWithCutPayloads(t *testing.T) {
	t.Parallel()
	h := recorded(t, replay.Handler(began), "null")
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.Replace(string(text), `{"Payload":"{\"ID\":\"p\",\"Amount\":\"5\"}","Truncated":false}`, `{"Payload":"{\"ID","Truncated":true}`, 1)
	if cut == string(text) {
		t.Fatalf("nothing was cut: %s", text)
	}
	histories, err := replaytest.ReadHistories(fstest.MapFS{"a.json": {Data: []byte(cut)}}, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	r := record(t, func(tb *recorder) { replaytest.Compatible(tb, replay.Handler(began), histories) })
	if len(r.errs) != 1 || !strings.Contains(r.errs[0], `a payload of "charge" is withheld: the service has cut it off`) {
		t.Errorf("the failures are %q", r.errs)
	}
	r = record(t, func(tb *recorder) {
		replaytest.Compatible(tb, replay.Handler(began), histories, replaytest.WithUndecidedAllowed())
	})
	if len(r.errs) != 0 {
		t.Errorf("the failures are %q", r.errs)
	}
}

// TestCompatibleWithLargeGroups: a history does not say that a group keeps its result in what is
// inside of it. It is computed again from that, and not decided if a part of that was cut off.
func TestCompatibleWithLargeGroups(t *testing.T) {
	t.Parallel()
	large := func(last string) func(ctx op.Context, _ op.None) (int, error) {
		return func(ctx op.Context, _ op.None) (int, error) {
			parts, err := replay.Run(ctx, op.Group("parts", func(ctx op.Context) ([]string, error) {
				var all []string
				for _, name := range []string{"one", "two"} {
					part, err := replay.Run(ctx, stepOf("part", strings.Repeat(name, 60_000)).Key(name))
					if err != nil {
						return nil, err
					}
					all = append(all, part)
				}
				return all, replay.Exec(ctx, stepOf(last, 1))
			}))
			if err != nil || len(parts) != 2 {
				return len(parts), err
			}
			return len(parts[1]), replay.Exec(ctx, op.Wait("cool-off", time.Hour))
		}
	}
	h := recorded(t, replay.Handler(large("sum")), "null")
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	if ended := slices.IndexFunc(h.Events, func(e local.Event) bool { return e.Type == local.EventContextSucceeded }); h.Events[ended].Result.Size() > 0 {
		t.Fatalf("the result of the group is in its record: %d bytes", h.Events[ended].Result.Size())
	}
	whole := `{"Payload":"\"` + strings.Repeat("two", 60_000) + `\"","Truncated":false}`
	if !strings.Contains(string(text), whole) {
		t.Fatal("the history has no such payload")
	}
	var cut replaytest.History
	if err := json.Unmarshal([]byte(strings.Replace(string(text), whole, `{"Payload":"two","Truncated":true}`, 1)), &cut); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		reason string
		of     replaytest.History
		last   string
		opts   []replaytest.CompatibleOption
		want   string // empty if it is compatible
	}{
		{"the same code", h, "sum", nil, ""},
		{"what is inside was renamed", h, "total", nil, `declare the change`},
		{"a part was cut off", cut, "sum", nil, `a payload of "parts/part[two]" is withheld: the service has cut it off`},
		{"that may be", cut, "sum", []replaytest.CompatibleOption{replaytest.WithUndecidedAllowed()}, ""},
		{"and what comes after it was renamed, which no log shows that lacks it", cut, "total", []replaytest.CompatibleOption{replaytest.WithUndecidedAllowed()}, ""},
	} {
		r := record(t, func(tb *recorder) {
			replaytest.Compatible(tb, replay.Handler(large(tt.last)), []replaytest.History{tt.of}, tt.opts...)
		})
		said := strings.Join(r.errs, "\n")
		if tt.want == "" && said != "" || !strings.Contains(said, tt.want) {
			t.Errorf("%s: the failures are %.2000q, want %q", tt.reason, said, tt.want)
		}
	}
}

// TestCompatibleWithForks: what was sealed in an execution is opened in one that was forked from
// it, for the history of a fork says so, in its file as well.
func TestCompatibleWithForks(t *testing.T) {
	t.Parallel()
	key, err := seal.GenerateKey("k1")
	if err != nil {
		t.Fatal(err)
	}
	c := codec.Chain(codec.JSON(), seal.New(seal.Static(key)))
	f := replay.Handler(began, replay.WithCodec(c), replay.WithHandlerCodec(c), replay.WithErrorCodec(c))
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	defer svc.Close()
	if err := svc.Host("order", f); err != nil {
		t.Fatal(err)
	}
	e, err := svc.Start(t.Context(), "order", "o-1", []byte("null"))
	if err == nil {
		err = e.RunUntilSuspended(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	fork, err := svc.Fork(t.Context(), local.ForkInput{ARN: e.ARN(), Before: "cool-off"})
	if err == nil {
		err = fork.RunUntilSuspended(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	h := replaytest.HistoryOf(fork)
	if diff := cmp.Diff([]string{e.ARN()}, h.ForkedFrom); diff != "" {
		t.Fatalf("forked from (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	read, err := replaytest.ReadHistories(fstest.MapFS{"a.json": {Data: text}}, "*.json")
	if err != nil {
		t.Fatal(err)
	}
	replaytest.Compatible(t, f, read)
	read[0].ForkedFrom = nil
	if r := record(t, func(tb *recorder) { replaytest.Compatible(tb, f, read) }); len(r.errs) == 0 {
		t.Error("what was sealed in the other execution is opened in any")
	}
}

// TestReadHistories says what is read, and what is refused.
func TestReadHistories(t *testing.T) {
	t.Parallel()
	h := recorded(t, replay.Handler(began), "null")
	h.Taken = time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	text, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{
		"good/b.json": {Data: text}, "good/a.json": {Data: text}, "no-json/a.json": {Data: []byte("{")},
		"no-arn/a.json": {Data: []byte(`{"Events":[]}`)}, "no-start/a.json": {Data: []byte(`{"DurableExecutionArn":"a","Events":[]}`)},
	}
	got, err := replaytest.ReadHistories(files, "good/*.json")
	if err != nil {
		t.Fatal(err)
	}
	want := h
	for i, name := range []string{"good/a.json", "good/b.json"} {
		want.Name = name
		if diff := cmp.Diff(want, got[i], cmp.Comparer(checkpoint.Payload.Equal)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for pattern, want := range map[string]string{
		"none/*": "no file matches", "no-json/*": "no-json/a.json: unexpected end", "no-arn/*": "without DurableExecutionArn",
		"no-start/*": "does not begin with ExecutionStarted", "[": "syntax error",
	} {
		if _, err := replaytest.ReadHistories(files, pattern); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", pattern, err, want)
		}
	}
}
