package replaytest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/replay"
)

// later is how much time has passed on the machine when an invocation is replayed: another half of
// the day, mostly another day.
const later = 13 * time.Hour

// replays is how often an invocation is replayed with all that can move: what chance decides, such
// as the order of a map of two, is the same in one of that many powers of two.
const replays = 6

// moved says what is another one when an invocation is replayed. Random numbers and the order of
// maps always are.
type moved struct{ clock, environment bool }

// occasion is an event that the function was given, and when, by the clock of the machine.
type occasion struct {
	event []byte
	at    time.Time
}

// elsewhere replays every invocation of an execution that has lost its last answer, as another
// machine would: later, with another environment, other random numbers and another order of maps.
// No body is run. It reports whether the handler did the same.
func (x *explorer) elsewhere(t *trial) bool {
	x.tb.Helper()
	all := moved{clock: true, environment: x.movesEnvironment()}
	for i, e := range t.events {
		last := i == len(t.events)-1
		for range replays {
			x.report.Replays++
			what := x.replayed(t, e, last, all)
			if what == "" {
				continue
			}
			x.tb.Errorf("replaytest: %sreplayed %s, %s; %s\nTo run this execution alone:\n\treplaytest.WithSchedule(%q)\n%s",
				notDeterministic, all, what, x.reason(t, e, last, all), t.plan.String(), x.history(t))
			return false
		}
	}
	return true
}

// String says where and when an invocation is replayed.
func (m moved) String() string {
	text := "elsewhere, 13 hours later"
	if m.environment {
		text += " and with other values in the environment"
	}
	return text
}

// reason finds out what the handler depends on, by moving one thing at a time.
func (x *explorer) reason(t *trial, e occasion, last bool, all moved) string {
	often := func(m moved) bool {
		for range replays {
			if x.replayed(t, e, last, m) != "" {
				return true
			}
		}
		return false
	}
	switch {
	case often(moved{}):
		return "chance decides, such as a random number (use replay.Rand) or the order of a map (sort its keys)"
	case often(moved{clock: true}):
		return "it reads the clock of the machine: use replay.Now"
	case all.environment && often(moved{environment: true}):
		return "it reads the environment: read it in a step, or before the function serves"
	}
	return causes
}

// replayed replays an invocation and says what was not the same; empty for nothing. last says that
// it is the one that has everything in its log.
func (x *explorer) replayed(t *trial, e occasion, last bool, m moved) (what string) {
	k := emptyKit(x.cfg)
	t.k.note(func() {
		k.same.inputs, k.same.rank = maps.Clone(t.k.same.inputs), maps.Clone(t.k.same.rank)
	})
	k.body = func(ctx context.Context, _ string, _ int, _ func(context.Context) (any, error)) (any, error) {
		<-ctx.Done() // what is not in the log was not decided yet
		return nil, context.Cause(ctx)
	}
	var out []byte
	var err error
	var client closed
	run := func(ctx context.Context) {
		const most = 10 * time.Second
		ctx, cancel := context.WithTimeout(checkpoint.WithClient(ctx, &client), most)
		defer cancel()
		if m.environment {
			defer changeEnvironment()()
		}
		out, err = x.f.Invoke(k.watch(ctx), e.event)
	}
	test := testOf(x.tb)
	switch {
	case !m.clock || test == nil:
		run(x.tb.Context())
	case fakeClock():
		time.Sleep(later) //nolint:forbidigo // on a fake clock
		run(x.tb.Context())
	default:
		synctest.Test(test, func(t *testing.T) {
			time.Sleep(time.Until(e.at.Add(later))) //nolint:forbidigo // on a fake clock
			run(t.Context())
		})
	}
	if list := k.nondeterminism(); len(list) > 0 {
		what, _, _ = strings.Cut(strings.TrimPrefix(list[0], notDeterministic), "; "+causes)
		return what
	}
	if path := onlyIn(k, t.k); path != "" { // not beside concurrent operations: which of them are reached is chance then
		return fmt.Sprintf("it ran %q%s, which it had not run before", path, k.at(path))
	}
	if !last {
		return ""
	}
	return x.otherEnd(t, k, client.refused.Load(), out, err)
}

// otherEnd says in what the end of a replay differs from that of the execution; empty for nothing.
func (x *explorer) otherEnd(t *trial, k *kit, refused bool, out []byte, err error) string {
	got := &trial{k: t.k, status: local.StatusFailed}
	var answer struct {
		Status checkpoint.OutcomeStatus `json:"Status"`
		Result json.RawMessage          `json:"Result"`
		Error  struct {
			Type    string `json:"ErrorType"`
			Message string `json:"ErrorMessage"`
			Data    string `json:"ErrorData"`
		} `json:"Error"`
	}
	switch {
	case refused:
		return "" // a result that fits no answer is written before, as no one may here
	case errors.Is(err, replay.ErrRepeat):
		return "" // how the handler ends is left to another invocation
	case err != nil:
		got.failure = err.Error()
	case json.Unmarshal(out, &answer) != nil:
		got.failure = "an answer that is no JSON: " + string(out)
	case answer.Status == checkpoint.OutcomeSucceeded:
		var text *string
		if json.Unmarshal(answer.Result, &text) == nil && text != nil {
			got.result = plainResult(x.restore, t.k.exec.ARN(), []byte(*text))
		}
		got.status = local.StatusSucceeded
	case answer.Status == checkpoint.OutcomePending:
		got.status = local.StatusRunning
	default:
		failure := &checkpoint.Failure{Type: answer.Error.Type, Message: answer.Error.Message, Data: answer.Error.Data}
		got.failure = failure.Type + ": " + plainMessage(x.restore, t.k.exec.ARN(), failure)
	}
	if x.same(t, got) {
		return ""
	}
	after := ""
	k.note(func() {
		if n := len(k.order); n > 0 {
			path := k.paths[k.order[n-1]]
			after = fmt.Sprintf("; the last operation that it ran is %q%s", path, k.atLine(path))
		}
	})
	return fmt.Sprintf("it ended as %s, and before as %s%s", got, t, after)
}

// closed is a client that refuses every call.
type closed struct{ refused atomic.Bool }

// Checkpoint implements [checkpoint.Client].
func (c *closed) Checkpoint(ctx context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	c.refused.Store(true)
	return forbidden{}.Checkpoint(ctx, in)
}

// State implements [checkpoint.Client].
func (c *closed) State(ctx context.Context, in checkpoint.StateInput) (checkpoint.StateOutput, error) {
	c.refused.Store(true)
	return forbidden{}.State(ctx, in)
}

// testOf is the test that a testing.TB is, or that it wraps and unwraps; nil for none, as in a
// benchmark.
func testOf(tb testing.TB) *testing.T {
	tb.Helper()
	switch tb := tb.(type) {
	case *testing.T:
		return tb
	case interface{ Unwrap() testing.TB }:
		return testOf(tb.Unwrap())
	}
	return nil
}

// fakeClock reports whether time is that of a bubble of testing/synctest.
func fakeClock() (fake bool) {
	defer func() { fake = recover() == nil }()
	synctest.Wait() // it panics elsewhere
	return true
}

// movesEnvironment reports whether the environment may be changed: not while other tests run.
func (x *explorer) movesEnvironment() (may bool) {
	defer func() { may = recover() == nil }()
	x.tb.Setenv("PERDURE_ELSEWHERE", "1") // it panics in a parallel test
	return true
}

// changeEnvironment gives all variables another value but those that programs find each other by,
// and returns what puts them back.
func changeEnvironment() (restore func()) {
	var changed []string
	for _, v := range os.Environ() {
		name, value, _ := strings.Cut(v, "=")
		if name == "" || keptVariable(name) || os.Setenv(name, value+"-elsewhere") != nil {
			continue
		}
		changed = append(changed, name, value)
	}
	return func() {
		for pair := range slices.Chunk(changed, 2) { //nolint:mnd // name and value
			_ = os.Setenv(pair[0], pair[1]) // it was possible before
		}
	}
}

// keptVariable reports whether a variable is the machine's or the toolchain's.
func keptVariable(name string) bool {
	for _, prefix := range []string{"GO", "CGO", "PERDURE", "XDG", "LC_", "SSL_"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return slices.Contains([]string{
		"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "PWD", "OLDPWD", "USER", "LOGNAME", "SHELL", "TERM", "LANG", "SystemRoot", "USERPROFILE", "TZ",
	}, name)
}
