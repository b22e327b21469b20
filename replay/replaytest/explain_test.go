package replaytest_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"
)

// TestMistakesAreExplained makes the mistakes of people who are new to the kit, and reads what they
// read: what is wrong, what there is, and what to do next.
func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	s := newShop()
	process := replay.Handler(s.process)
	small, big := order{ID: "A-1", Items: []string{"x", "y"}}, order{ID: "A-2", Total: 500}
	patient := replay.Handler(func(ctx op.Context, _ order) (string, error) {
		return replay.Run(ctx, op.WaitForCallback[string]("approval", func(context.Context, string) error { return nil }))
	})
	square := replay.Handler(func(ctx op.Context, o order) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("square", "math:live", o.Total))
	})
	asked := func(tb *recorder, opts ...replaytest.Option) *replaytest.Execution[receipt] {
		e := replaytest.Start(tb, process, big, opts...)
		e.RunUntilSuspended()
		return e
	}
	label := func(context.Context) (string, error) { return "label", nil }
	var unset op.Builder[order, payment]
	tests := []struct {
		name, reason string
		run          func(tb *recorder)
		want         string // matches the only report
		fatal        bool
	}{
		{
			name: "no function", reason: "a nil pointer panics far from the mistake", fatal: true,
			run:  func(tb *recorder) { replaytest.Run[order, receipt](tb, nil, small) },
			want: `^replaytest: the function is nil: pass what replay\.Handler makes of your handler$`,
		},
		{
			name: "no handler", reason: "each invocation fails", fatal: true,
			run:  func(tb *recorder) { replaytest.Run(tb, replay.Handler[order, receipt](nil), small) },
			want: `makes no progress: 9 invocations in a row have failed, the last one with .*Handler\(nil\): pass the function`,
		},
		{
			name: "stub of another struct", reason: "a declaration is not its name",
			run: func(tb *recorder) {
				replaytest.Run(tb, process, small, replaytest.StubResult(newShop().charge, payment{}))
			},
			want: `^replaytest: the stub for the builder of "charge-card" was never used: "charge-card" was run, but another builder has declared it: ` +
				`stub the builder that the handler runs`,
		},
		{
			name: "stub that is not reached", reason: "what was reached shows where the handler went",
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.StubResult(s.release, op.None{})) },
			want: `"release-stock" was never used: the handler has not reached such an operation; there were "reserve-stock", "charge-card", "ship", .*"ship\[\*\]/pack-item"`,
		},
		{
			name: "mistyped path", reason: "the nearest path is probably meant",
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.StubPath("chargecard", label)) },
			want: `the stub for "chargecard" was never used: no step or group runs there; did you mean "charge-card"\?$`,
		},
		{
			name: "path without its item", reason: "a star stands for all of them",
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.StubPath("ship/pack-item", label)) },
			want: `did you mean "ship\[\*\]/pack-item"\?$`,
		},
		{
			name: "stub for a wait", reason: "it has no body",
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.StubPath("cool-off", label)) },
			want: `the stub for "cool-off" does nothing: "cool-off" is a wait, .*; time passes by itself; look into a wait with Start and Advance$`,
		},
		{
			name: "stub for a map", reason: "its items have bodies",
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.StubPath("ship", label)) },
			want: `"ship" is a batch, .*; stub what runs in it, such as "ship\[\*\]/name"$`,
		},
		{
			name: "stub for an invocation", reason: "the function is another one",
			run: func(tb *recorder) {
				replaytest.Run(tb, square, big, replaytest.StubPath("square", label), replaytest.Host("math", replay.Handler(func(op.Context, int) (int, error) { return 1, nil })))
			},
			want: `"square" is an invocation of another function, .*; give that function with Host$`,
		},
		{
			name: "builder that is not set", reason: "a nil function panics far from the mistake", fatal: true,
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.StubResult(unset, payment{})) },
			want: `a stub for a nil builder: is it a field of a struct that was never filled in\?$`,
		},
		{
			name: "builder that needs an input", reason: "it is called with a zero one", fatal: true,
			run: func(tb *recorder) {
				first := op.Builder[[]string, string](func(in []string) op.Op[string] { return op.Step(in[0], label) })
				replaytest.Run(tb, process, small, replaytest.StubResult(first, ""))
			},
			want: `a stub for a function that panics when it is given a zero \[\]string .*: stub the builder that it calls, or use StubPath$`,
		},
		{
			name: "stub without a function", reason: "it would panic in the handler", fatal: true,
			run:  func(tb *recorder) { replaytest.Run(tb, process, small, replaytest.Stub(s.charge, nil)) },
			want: `a stub without a function: pass what is to run in place of the body$`,
		},
		{
			name: "mistyped reply", reason: "the callback times out, and nothing would show it",
			run: func(tb *recorder) {
				replaytest.Run(tb, process, big, replaytest.CallbackResult("manager-aprovl", approval{}))
			},
			want: `the reply for "manager-aprovl" was never used: no callback waited there; did you mean "manager-approval"\?$`,
		},
		{
			name: "reply that is not awaited", reason: "the order is too small to need approval",
			run: func(tb *recorder) {
				replaytest.Run(tb, process, small, replaytest.CallbackResult("manager-approval", approval{}))
			},
			want: `the reply for "manager-approval" was never used: no callback waited there; there was none$`,
		},
		{
			name: "reply that cannot be encoded", reason: "it says which one", fatal: true,
			run: func(tb *recorder) {
				replaytest.Run(tb, process, big, replaytest.CallbackResult("manager-approval", func() {}))
			},
			want: `(?s)^replaytest: the reply for "manager-approval": codec: .*func\(\).*OPERATION`,
		},
		{
			name: "no answer", reason: "both ways to answer are named", fatal: true,
			run: func(tb *recorder) { replaytest.Run(tb, patient, small) },
			want: `(?s)stalled: callback "approval/approval-callback" is STARTED; answer it with the option CallbackResult\("approval", …\), ` +
				`or with Start and Callback\("approval"\)\nOPERATION`,
		},
		{
			name: "another one answers", reason: "the replies there are show the typo", fatal: true,
			run:  func(tb *recorder) { replaytest.Run(tb, patient, small, replaytest.CallbackResult("aprovl", "")) },
			want: `no CallbackResult is for "approval", but for "aprovl"\n`,
		},
		{
			name: "back in time", reason: "a sign is quickly wrong", fatal: true,
			run:  func(tb *recorder) { replaytest.Start(tb, process, big).Advance(-time.Hour) },
			want: `^replaytest: Advance\(-1h0m0s\): time does not go back$`,
		},
		{
			name: "to a past year", reason: "executions do not begin now", fatal: true,
			run: func(tb *recorder) {
				replaytest.Start(tb, process, big).AdvanceTo(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
			},
			want: `AdvanceTo\(2025-01-01T00:00:00Z\): it is 2026-01-01T00:00:00Z already, .*; the option WithStartTime sets when an execution begins$`,
		},
		{
			name: "callback before anything", reason: "Start runs nothing", fatal: true,
			run:  func(tb *recorder) { replaytest.Start(tb, process, big).Callback("manager-approval") },
			want: `there is no callback "manager-approval" yet, because nothing has run: call RunUntilSuspended first$`,
		},
		{
			name: "mistyped callback", reason: "the nearest one is probably meant", fatal: true,
			run:  func(tb *recorder) { asked(tb).Callback("manager-aprovl") },
			want: `there is no callback at "manager-aprovl"; did you mean "manager-approval"\?\n`,
		},
		{
			name: "no callback so far", reason: "the execution waits for something else", fatal: true,
			run: func(tb *recorder) {
				e := replaytest.Start(tb, process, small)
				e.RunUntilSuspended()
				e.Callback("manager-approval")
			},
			want: `there is no callback at "manager-approval" so far: wait "cool-off" is STARTED\n`,
		},
		{
			name: "no callback at all", reason: "the execution has ended", fatal: true,
			run: func(tb *recorder) {
				e := replaytest.Start(tb, process, small)
				e.Result()
				e.Callback("manager-approval")
			},
			want: `there is no callback at "manager-approval": the execution has ended without one, as SUCCEEDED\n`,
		},
		{
			name: "answered twice", reason: "the first answer counts", fatal: true,
			run: func(tb *recorder) {
				c := asked(tb).Callback("manager-approval")
				c.Succeed(approval{})
				c.Fail("Late", "too late")
			},
			want: `callback "manager-approval" has ended already: it is SUCCEEDED since 0s; a callback is answered once \(.*already completed\)$`,
		},
		{
			name: "answered too late", reason: "it has timed out", fatal: true,
			run: func(tb *recorder) {
				e := asked(tb)
				e.Result()
				e.Callback("manager-approval").Heartbeat()
			},
			want: `callback "manager-approval" has ended already: it is TIMED_OUT since 24h0m0s`,
		},
		{
			name: "timeout of an answered callback", reason: "it does not time out any more", fatal: true,
			run: func(tb *recorder) {
				c := asked(tb).Callback("manager-approval")
				c.Succeed(approval{})
				c.TimeOut()
			},
			want: `has ended already: it is SUCCEEDED since 0s; a callback is answered once \(it cannot run out of time\)$`,
		},
		{
			name: "timeout of a patient callback", reason: "it has none", fatal: true,
			run: func(tb *recorder) {
				e := replaytest.Start(tb, patient, small)
				e.RunUntilSuspended()
				e.Callback("approval").TimeOut()
			},
			want: `callback "approval": it never runs out of time: op\.WithTimeout and op\.WithHeartbeatTimeout set how long it may take$`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := record(t, tt.run)
			if len(got.errs) != 1 || got.fatal != tt.fatal || !regexp.MustCompile(tt.want).MatchString(got.errs[0]) {
				t.Errorf("%s: got %q (at once: %v), want one that matches %q (at once: %v)", tt.reason, got.errs, got.fatal, tt.want, tt.fatal)
			}
		})
	}
}

// TestFunctionThatIsNotHostedIsReported runs a handler that invokes a function, which is an
// error that the handler may be tested for.
func TestFunctionThatIsNotHostedIsReported(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("square", "math:live", n))
	})
	plain := local.HandlerFunc(func(context.Context, []byte) ([]byte, error) { return []byte("1"), nil })
	got := record(t, func(tb *recorder) {
		if r := replaytest.Run(tb, f, 1, replaytest.Host("maths", plain, local.WithPlainFunction())); r.Err == nil {
			t.Error("the function was found")
		}
	})
	want := `^replaytest: "square" invokes the function "math:live", which the test does not have: give it with Host\("math:live", …\); there were "maths"$`
	if len(got.logs) != 1 || !regexp.MustCompile(want).MatchString(got.logs[0]) {
		t.Errorf("got the logs %q", got.logs)
	}
	if want := `^replaytest: the function of Host\("maths"\) was never used: no operation has invoked it$`; len(got.errs) != 1 ||
		!regexp.MustCompile(want).MatchString(got.errs[0]) {
		t.Errorf("got the errors %q", got.errs)
	}
}

func TestHostedFunctionsOfEveryNameAreUsed(t *testing.T) {
	t.Parallel()
	square := replay.Handler(func(_ op.Context, n int) (int, error) { return n * n, nil })
	f := replay.Handler(func(ctx op.Context, function string) (int, error) {
		return replay.Run(ctx, op.Invoke[int]("square", function, 3))
	})
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:math"
	for _, names := range [][2]string{{"math", "math:live"}, {"math:live", "math:live"}, {arn, "math:7"}, {arn + ":live", arn + ":live"}} {
		if r := replaytest.Run(t, f, names[1], replaytest.Host(names[0], square)); r.Value != 9 {
			t.Errorf("hosted as %s, invoked as %s: got %d, %v", names[0], names[1], r.Value, r.Err)
		}
	}
}

func TestPrintOfARunningExecution(t *testing.T) {
	t.Parallel()
	e := replaytest.Start(t, replay.Handler(newShop().process), order{ID: "A-1"})
	e.RunUntilSuspended()
	var table strings.Builder
	e.Print(&table)
	if want := `(?m)^cool-off +Wait +STARTED +0s$`; !regexp.MustCompile(want).MatchString(table.String()) {
		t.Errorf("no line like %q in:\n%s", want, table.String())
	}
}

func TestOnlyOneOfARepeatedNameIsNamed(t *testing.T) {
	t.Parallel()
	got := record(t, func(tb *recorder) { replaytest.Run(tb, replay.Handler(twice), order{}) })
	want := `^replaytest: "notify#2" \(cloud_explain_test\.go:\d+\) repeats the name of "notify" \(cloud_explain_test\.go:\d+\) without a key: .*distinguish them with Key, or accept it with AllowRepeats$`
	if len(got.errs) != 1 || !regexp.MustCompile(want).MatchString(got.errs[0]) {
		t.Errorf("got %q", got.errs)
	}
}
