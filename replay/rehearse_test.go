package replay_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// suspended returns the log that a handler leaves behind when it is suspended for the first time.
func suspended[In, Out any](t *testing.T, f *replay.Function[In, Out], input string) checkpoint.Invocation {
	t.Helper()
	svc := local.New(local.WithClock(local.NewVirtualClock(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC))))
	t.Cleanup(func() {
		if err := svc.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := svc.Host("order", f); err != nil {
		t.Fatal(err)
	}
	e, err := svc.Start(t.Context(), "order", "", []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.RunUntilSuspended(t.Context()); err != nil {
		t.Fatal(err)
	}
	return e.Log()
}

type rehearsedHandler = func(op.Context, op.None) (string, error)

func done[T any](ctx op.Context, o op.Op[T]) T {
	v, err := replay.Run(ctx, o)
	if err != nil {
		panic(err)
	}
	return v
}

func valued[T any](name string, v T) op.Op[T] {
	return op.Step(name, func(context.Context) (T, error) { return v, nil })
}

// TestRehearse has changed code rehearse the log of a handler that waits.
func TestRehearse(t *testing.T) {
	t.Parallel()
	type before struct{ ID, Amount string }
	type after struct{ ID, Total string }
	errDeclined := errors.New("declined")
	began := func(ctx op.Context, _ op.None) (string, error) {
		done(ctx, valued("reserve", before{"r", "1"}))
		done(ctx, op.Wait("cool-off", time.Hour))
		return done(ctx, valued("ship", "shipped")), nil
	}
	failing := func(ctx op.Context, _ op.None) (string, error) {
		_, _ = replay.Run(ctx, op.Step("charge", func(context.Context) (int, error) { return 0, retry.Permanent(errDeclined) },
			op.WithErrors(codec.Sentinel("declined", errDeclined))))
		done(ctx, op.Wait("cool-off", time.Hour))
		return "", nil
	}
	items := func(ctx op.Context, _ op.None) (string, error) {
		done(ctx, op.Map("items", []int{1, 2, 3}, func(i int) op.Op[string] {
			return op.Group("item", func(ctx op.Context) (string, error) {
				done(ctx, op.Wait("pause", time.Duration(i)*time.Hour))
				return "", nil
			})
		}))
		return "", nil
	}
	tests := []struct {
		reason        string
		before, after rehearsedHandler
		want          replay.Verdict
		has           string // in the text of what was found
		waiting       []string
	}{
		{"the same code", began, began, replay.VerdictFits, "", []string{"cool-off"}},
		{"what comes later is free", began, func(ctx op.Context, _ op.None) (string, error) {
			done(ctx, valued("reserve", before{}))
			done(ctx, op.Wait("cool-off", 2*time.Hour))
			return "", replay.Exec(ctx, valued("pack", 1))
		}, replay.VerdictFits, "", []string{"cool-off"}},
		{"an operation in front", began, func(ctx op.Context, _ op.None) (string, error) {
			done(ctx, valued("check", 1))
			return began(ctx, op.None{})
		}, replay.VerdictDiverges, `"check"`, nil},
		{"the wait goes", began, func(ctx op.Context, _ op.None) (string, error) {
			return done(ctx, valued("reserve", before{})).ID, nil
		}, replay.VerdictDiverges, `"cool-off"`, nil},
		{"a type that cannot be decoded", began, func(ctx op.Context, _ op.None) (string, error) {
			done(ctx, valued("reserve", 1))
			return began(ctx, op.None{})
		}, replay.VerdictDiverges, "does not fit the declared type", nil},
		{"a member without a place", began, func(ctx op.Context, _ op.None) (string, error) {
			done(ctx, valued("reserve", after{}))
			done(ctx, op.Wait("cool-off", time.Hour))
			return "", nil
		}, replay.VerdictFits, `the result of "reserve" has recorded members that have no place in replay_test.after: [.Amount]`, []string{"cool-off"}},
		{"a registration goes", failing, func(ctx op.Context, _ op.None) (string, error) {
			_, _ = replay.Run(ctx, valued("charge", 1))
			done(ctx, op.Wait("cool-off", time.Hour))
			return "", nil
		}, replay.VerdictFits, `the error of "charge" was recorded as "declined", which nothing registers`, []string{"cool-off"}},
		{"branches that are not open yet are looked at", items, func(ctx op.Context, _ op.None) (string, error) {
			_, err := replay.Run(ctx, op.Map("items", []int{1, 2, 3}, func(i int) op.Op[string] {
				return op.Group("item", func(ctx op.Context) (string, error) {
					if i > 1 {
						done(ctx, valued("weigh", i))
					}
					done(ctx, op.Wait("pause", time.Duration(i)*time.Hour))
					return "", nil
				})
			}, op.WithMaxConcurrency(1)))
			return "", err
		}, replay.VerdictUndecided, `items[2]/weigh`, []string{"items[0]/pause"}},
		{"results that no one has asked for yet are looked at", func(ctx op.Context, _ op.None) (string, error) {
			f := replay.Go(ctx, valued("quote", "a"))
			done(ctx, op.Wait("cool-off", time.Hour))
			return done(ctx, f.Result()), nil
		}, func(ctx op.Context, _ op.None) (string, error) {
			f := replay.Go(ctx, valued("quote", 1))
			done(ctx, op.Wait("cool-off", time.Hour))
			done(ctx, f.Result())
			return "", nil
		}, replay.VerdictUndecided, "does not fit the declared type", []string{"cool-off"}},
		{"nothing is left to do", began, func(ctx op.Context, _ op.None) (string, error) {
			done(ctx, valued("reserve", before{}))
			replay.Go(ctx, op.Wait("cool-off", time.Hour))
			return "at once", nil
		}, replay.VerdictFits, `ends as SUCCEEDED "at once"`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			r, err := replay.Handler(tt.after).Rehearse(t.Context(), suspended(t, replay.Handler(tt.before), "null"))
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != tt.want || !strings.Contains(findings(r), tt.has) {
				t.Errorf("the verdict is %s, want %s with %s:\n%s", r.Verdict, tt.want, tt.has, findings(r))
			}
			var waiting []string
			for _, w := range r.Waiting {
				waiting = append(waiting, w.Path)
			}
			if diff := cmp.Diff(tt.waiting, waiting); diff != "" {
				t.Errorf("waiting (-want +got):\n%s", diff)
			}
		})
	}
}

// findings are all that a rehearsal says.
func findings(r *replay.Rehearsal) string {
	var lines []string
	if r.Diverged != nil {
		lines = append(lines, r.Diverged.Error())
	}
	if r.Err != nil {
		lines = append(lines, r.Err.Error())
	}
	for _, u := range r.Undecided {
		lines = append(lines, u.String())
	}
	for _, l := range r.Lossy {
		lines = append(lines, l.String())
	}
	for _, u := range r.Unregistered {
		lines = append(lines, u.String())
	}
	if o := r.Outcome; o != nil {
		lines = append(lines, "ends as "+string(o.Status)+" "+string(o.Result))
	}
	return strings.Join(lines, "\n")
}

// TestRehearseDoesNothing sees that nothing of the user's runs that has effects, that no record is
// written, and that the log that was given stays as it is.
func TestRehearseDoesNothing(t *testing.T) {
	t.Parallel()
	ran := make(chan string, 100)
	mark := func(what string) { ran <- what }
	body := func(what string) func(context.Context) (int, error) {
		return func(context.Context) (int, error) { mark(what); return 1, nil }
	}
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		replay.OnEnd(ctx, func(context.Context, error) { mark("OnEnd") })
		done(ctx, op.All("all", op.Step("a", body("a")), op.Step("b", body("b"), op.WithSemantics(op.AtMostOncePerRetry))))
		return "", nil
	}, replay.WithInterceptors(replay.Interceptor{
		InvocationStart: func(context.Context, replay.InvocationInfo) { mark("InvocationStart") },
		OperationStart:  func(context.Context, replay.OperationInfo) { mark("OperationStart") },
	}))
	ended := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		replay.OnEnd(ctx, func(context.Context, error) { mark("OnEnd") })
		return "x", nil
	})
	log := checkpoint.Invocation{ARN: "arn/1", Operations: []checkpoint.Operation{
		{ID: "1", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Payload: checkpoint.TextPayload("null")},
	}}
	given := slices.Clone(log.Operations)
	for _, r := range []func() (*replay.Rehearsal, error){
		func() (*replay.Rehearsal, error) { return f.Rehearse(t.Context(), log) },
		func() (*replay.Rehearsal, error) { return ended.Rehearse(t.Context(), log) },
	} {
		found, err := r()
		if err != nil {
			t.Fatal(err)
		}
		if found.Verdict != replay.VerdictFits {
			t.Errorf("the verdict is %s: %s", found.Verdict, findings(found))
		}
	}
	close(ran)
	for what := range ran {
		t.Errorf("%s ran", what)
	}
	if diff := cmp.Diff(given, log.Operations, cmp.Comparer(checkpoint.Payload.Equal)); diff != "" {
		t.Errorf("the log has changed:\n%s", diff)
	}
}

// TestRehearseIsRefused says when there is no rehearsal.
func TestRehearseIsRefused(t *testing.T) {
	t.Parallel()
	execution := checkpoint.Operation{ID: "1", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted}
	good := replay.Handler(func(op.Context, op.None) (int, error) { return 1, nil })
	over, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		reason string
		f      *replay.Function[op.None, int]
		ctx    context.Context //nolint:containedctx // what is tested
		log    checkpoint.Invocation
		want   string
	}{
		{"the zero function", &replay.Function[op.None, int]{}, t.Context(), checkpoint.Invocation{}, "the zero Function"},
		{"invalid options", replay.Handler[op.None, int](nil), t.Context(), checkpoint.Invocation{}, "Handler(nil)"},
		{"no execution", good, t.Context(), checkpoint.Invocation{}, "no EXECUTION record"},
		{"a part of the log", good, t.Context(), checkpoint.Invocation{Operations: []checkpoint.Operation{execution}, NextMarker: "m"}, "read all pages"},
		{"the context is over", replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
			return 0, replay.Exec(ctx, op.Wait("w", time.Hour))
		}), over, checkpoint.Invocation{Operations: []checkpoint.Operation{execution}}, "canceled"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			r, err := tt.f.Rehearse(tt.ctx, tt.log)
			if err == nil || !strings.Contains(err.Error(), tt.want) || r != nil {
				t.Errorf("got %v, %v; want an error with %q", r, err, tt.want)
			}
		})
	}
}

// TestRehearseWithheldPayloads has a history hold back payloads: the code is rehearsed up to where
// it needs one.
func TestRehearseWithheldPayloads(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, in string) (string, error) {
		if err := replay.Exec(ctx, valued("unused", "u")); err != nil {
			return "", err
		}
		done(ctx, op.Group("used", func(op.Context) (string, error) { return "v" + in, nil }))
		_, err := replay.Run(ctx, op.Step("fails", func(context.Context) (int, error) { return 0, retry.Permanent(io.EOF) }))
		_ = err
		done(ctx, op.All("both", valued("a", 1), valued("b", 2)))
		done(ctx, op.Wait("cool-off", time.Hour))
		return "", nil
	})
	whole := suspended(t, f, `"in"`)
	tests := []struct {
		reason  string
		name    string // of the operation whose payload is withheld
		verdict replay.Verdict
		path    string
	}{
		{"a result that is not decoded", "unused", replay.VerdictFits, ""},
		{"a result that is", "used", replay.VerdictUndecided, "used"},
		{"an error", "fails", replay.VerdictUndecided, "fails"},
		{"how a batch ended", "both", replay.VerdictUndecided, "both"},
		{"the input", "", replay.VerdictUndecided, ""},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			log := whole
			log.Operations = slices.Clone(whole.Operations)
			hit := false
			for i := range log.Operations {
				if o := &log.Operations[i]; o.Name == tt.name || tt.name == "" && o.Kind == checkpoint.KindExecution {
					o.Payload, hit = checkpoint.WithheldPayload("cut"), true
				}
			}
			if !hit {
				t.Fatal("no such operation")
			}
			r, err := f.Rehearse(t.Context(), log)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != tt.verdict {
				t.Fatalf("the verdict is %s, want %s: %s", r.Verdict, tt.verdict, findings(r))
			}
			if tt.verdict == replay.VerdictUndecided && (len(r.Undecided) != 1 || r.Undecided[0].Path != tt.path || r.Undecided[0].Withheld != "cut") {
				t.Errorf("undecided are %+v", r.Undecided)
			}
		})
	}
}
