package replay_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// ledger accepts every update and notes them, with what else happens, in order.
type ledger struct {
	mu    sync.Mutex // guards what follows
	lines []string
	token int
}

func (l *ledger) note(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
}

// Checkpoint implements checkpoint.Client.
func (l *ledger) Checkpoint(_ context.Context, in checkpoint.CheckpointInput) (checkpoint.CheckpointOutput, error) {
	for _, u := range in.Updates {
		l.note("%s %s", u.Action, u.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token++
	return checkpoint.CheckpointOutput{Token: fmt.Sprint("token", l.token)}, nil
}

// State implements checkpoint.Client.
func (*ledger) State(context.Context, checkpoint.StateInput) (checkpoint.StateOutput, error) {
	return checkpoint.StateOutput{}, errors.New("there are no more pages")
}

// still is a clock that stands: no timer fires.
type still struct{}

// Now implements checkpoint.Clock.
func (still) Now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

// AfterFunc implements checkpoint.Clock.
func (still) AfterFunc(time.Duration, func()) func() bool { return func() bool { return true } }

// recordCase is a step and the record it finds.
type recordCase struct {
	name, value string
	kind        checkpoint.Kind
	status      checkpoint.Status // empty: there is no record
	strict      bool              // at most once
	fails       bool              // the body
	readyStart  bool
}

// recordCases generates a step and its record; the name and the value are any text.
func recordCases(kinds ...checkpoint.Kind) gopter.Gen {
	statuses := []any{
		checkpoint.Status(""), checkpoint.StatusStarted, checkpoint.StatusPending, checkpoint.StatusReady,
		checkpoint.StatusSucceeded, checkpoint.StatusFailed,
	}
	all := make([]any, len(kinds))
	for i, k := range kinds {
		all[i] = k
	}
	return gopter.CombineGens(
		gen.RegexMatch("[a-z][a-zA-Z0-9 /#-]{0,40}"), gen.AnyString(), gen.OneConstOf(all...), gen.OneConstOf(statuses...),
		gen.Bool(), gen.Bool(), gen.Bool(),
	).Map(func(v []any) recordCase {
		name, _ := v[0].(string)
		value, _ := v[1].(string)
		kind, _ := v[2].(checkpoint.Kind)
		status, _ := v[3].(checkpoint.Status)
		strict, _ := v[4].(bool)
		fails, _ := v[5].(bool)
		ready, _ := v[6].(bool)
		return recordCase{name, strings.ToValidUTF8(value, "?"), kind, status, strict, fails, ready}
	})
}

// invoke runs the step once, on a log with its record, and returns the answer and what happened.
func (c recordCase) invoke(ctx context.Context) (answer string, lines []string, err error) {
	l := &ledger{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		opts := []op.StepOption{op.WithRetry(retry.Never())}
		if c.strict {
			opts = append(opts, op.WithSemantics(op.AtMostOncePerRetry))
		}
		v, err := replay.Run(ctx, op.Step(c.name, func(context.Context) (string, error) {
			l.note("body")
			if c.fails {
				return "", fmt.Errorf("body: %w", errLaw)
			}
			return c.value, nil
		}, opts...))
		switch {
		case errors.Is(err, errLaw):
			return "law: " + err.Error(), nil
		case errors.Is(err, op.ErrInterrupted):
			return "interrupted", nil
		case err != nil:
			return "", err
		}
		return "value: " + v, nil
	}, replay.WithErrors(codec.Sentinel("law", errLaw)), replay.WithReadyStart(c.readyStart))
	in := checkpoint.Invocation{ARN: restlessARN, Token: "token0", Operations: []checkpoint.Operation{{
		ID: "1", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted, Start: still{}.Now(), Payload: checkpoint.TextPayload("{}"),
	}}}
	if c.status != "" {
		in.Operations = append(in.Operations, c.record())
	}
	event, err := checkpoint.EncodeInvocation(in)
	if err != nil {
		return "", nil, err
	}
	out, err := f.Invoke(checkpoint.WithClock(checkpoint.WithClient(ctx, l), still{}), event)
	return string(out), l.lines, err
}

func (c recordCase) record() checkpoint.Operation {
	rec := checkpoint.Operation{
		ID: oplog.ID("", c.name, "", 0), Name: c.name, Kind: c.kind, SubType: "Step",
		Status: c.status, Start: still{}.Now(),
	}
	switch c.status {
	case checkpoint.StatusSucceeded:
		payload, _ := codec.Encode(context.Background(), codec.JSON(), codec.Meta{}, c.value)
		rec.Payload, rec.End = checkpoint.NewPayload(payload), still{}.Now()
	case checkpoint.StatusFailed:
		rec.Failure, rec.End = &checkpoint.Failure{
			Type: "law", Message: "recorded: " + c.value, Data: `{"perdure":{"known":[{"name":"law"}]}}`,
		}, still{}.Now()
	case checkpoint.StatusPending:
		rec.Due, rec.Attempt = still{}.Now().Add(time.Minute), 1
	case checkpoint.StatusReady:
		rec.Attempt = 1
	case checkpoint.StatusStarted, checkpoint.StatusCancelled, checkpoint.StatusTimedOut, checkpoint.StatusStopped:
	}
	return rec
}

// answers is the envelope of a result.
func answers(text string) string {
	result, _ := codec.Encode(context.Background(), codec.JSON(), codec.Meta{}, text)
	out, _ := checkpoint.EncodeOutcome(checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Result: result})
	return string(out)
}

// want is what must happen on a record of the right kind, as the answer and the lines.
func (c recordCase) want() (answer string, lines []string) {
	start, succeed, fail := "START "+c.name, "SUCCEED "+c.name, "FAIL "+c.name
	ran, end := answers("value: "+c.value), succeed
	if c.fails {
		ran, end = answers("law: body: "+errLaw.Error()), fail
	}
	short := []string{"body", start, end} // START travels with the completion
	if c.strict {
		short = []string{start, "body", end}
	}
	switch c.status {
	case checkpoint.StatusSucceeded:
		return answers("value: " + c.value), nil
	case checkpoint.StatusFailed:
		message := "recorded: " + c.value
		return answers("law: " + message), nil
	case checkpoint.StatusPending:
		return `{"Status":"PENDING"}`, nil
	case checkpoint.StatusStarted:
		if c.strict {
			return answers("interrupted"), []string{fail}
		}
		return ran, []string{"body", end}
	case checkpoint.StatusReady:
		if !c.strict && !c.readyStart {
			return ran, []string{"body", end}
		}
		return ran, short
	case checkpoint.StatusCancelled, checkpoint.StatusTimedOut, checkpoint.StatusStopped:
	}
	return ran, short
}

// A recorded success is returned and a recorded failure is, with its identity, and no body runs. A
// step without a record runs; one in progress is recognised. At most once means that START is
// written before the body and never again; at least once that it travels with the completion. The
// end is written in both, be it a result or an error, and READY is as WithReadyStart says.
func TestStepFollowsItsRecord(t *testing.T) {
	t.Parallel()
	params := gopter.DefaultTestParametersWithSeed(lawSeed(t))
	params.MinSuccessfulTests = draws.Count(1000)
	properties := gopter.NewProperties(params)
	properties.Property("a step follows its record", prop.ForAll(func(c recordCase) (bool, error) {
		answer, lines, err := c.invoke(t.Context())
		if err != nil {
			return false, err
		}
		wantAnswer, wantLines := c.want()
		if answer != wantAnswer || strings.Join(lines, "\n") != strings.Join(wantLines, "\n") {
			return false, fmt.Errorf("%+v\ngot  %s %q\nwant %s %q", c, answer, lines, wantAnswer, wantLines)
		}
		return true, nil
	}, recordCases(checkpoint.KindStep)))
	properties.TestingRun(t)
}

// A record of another kind is fatal, in whatever state it is: no body runs and nothing is written.
func TestAnotherKindIsFatal(t *testing.T) {
	t.Parallel()
	params := gopter.DefaultTestParametersWithSeed(lawSeed(t))
	params.MinSuccessfulTests = draws.Count(500)
	properties := gopter.NewProperties(params)
	properties.Property("another kind is fatal", prop.ForAll(func(c recordCase) (bool, error) {
		if c.status == "" {
			c.status = checkpoint.StatusStarted
		}
		answer, lines, err := c.invoke(t.Context())
		if err != nil {
			return false, err
		}
		if !strings.HasPrefix(answer, `{"Status":"FAILED"`) || !strings.Contains(answer, "kind of operation differs") || len(lines) > 0 {
			return false, fmt.Errorf("%+v\n%s %q", c, answer, lines)
		}
		return true, nil
	}, recordCases(checkpoint.KindWait, checkpoint.KindContext)))
	properties.TestingRun(t)
}
