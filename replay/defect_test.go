package replay_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/outbox"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// Each test of this file guards one law that a durable execution SDK is known to have broken.

// TestDefectRetriesHappen guards that a policy is more than a configuration: the body runs again.
func TestDefectRetriesHappen(t *testing.T) {
	t.Parallel()
	runs := 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
		return replay.Run(ctx, op.Step("charge", func(context.Context) (int, error) {
			if runs++; runs < 3 {
				return 0, errThrottled
			}
			return runs, nil
		}, op.WithRetry(retry.Fixed(time.Second, retry.OnIs(errThrottled)))))
	}), "null")
	if end(e) != "SUCCEEDED 3" || runs != 3 {
		t.Errorf("the execution ended as %s, the body ran %d times", end(e), runs)
	}
}

// TestDefectAttemptsAreCountedByTheService guards that at-least-once steps send START: the history
// shows when each attempt began, and the record counts the attempts.
func TestDefectAttemptsAreCountedByTheService(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(flaky(failures(2, errThrottled), op.WithRetry(retry.Fixed(time.Second)))), "null")
	var got []string
	for _, ev := range e.History() {
		switch {
		case ev.Name != "charge":
		case ev.Type == local.EventStepStarted:
			got = append(got, string(ev.Type))
		default:
			got = append(got, fmt.Sprint(ev.Type, " ", ev.Attempt))
		}
	}
	rec, _ := e.Operation(oplog.ID("", "charge", "", 0))
	want := []string{"StepStarted", "StepFailed 1", "StepStarted", "StepFailed 2", "StepStarted", "StepSucceeded 3"}
	if diff := cmp.Diff(want, got); diff != "" || rec.Attempt != 3 {
		t.Errorf("history (-want +got):\n%s, attempts %d", diff, rec.Attempt)
	}
}

// TestDefectInterruptedAtMostOnceBodyDoesNotRunAgain guards at-most-once over a crash: the attempt
// is decided, START is not sent twice.
func TestDefectInterruptedAtMostOnceBodyDoesNotRunAgain(t *testing.T) {
	t.Parallel()
	var runs []run
	e := drive(t, replay.Handler(scripted([]string{doCrash}, &runs,
		op.WithSemantics(op.AtMostOncePerRetry), op.WithRetry(retry.Never()))), "null")
	if diff := cmp.Diff([]string{"START poll", "FAIL poll"}, callsOf(e)); diff != "" || len(runs) != 1 {
		t.Errorf("calls (-want +got):\n%s, %d runs", diff, len(runs))
	}
}

// TestDefectErrorTypeAndCodecOfTheUserCount guards that the recorded type is the user's and that
// a step's own codec is the one that is used.
func TestDefectErrorTypeAndCodecOfTheUserCount(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		_, err := replay.Run(ctx, op.Step("text", func(context.Context) (string, error) { return "plain", nil }, op.WithCodec(codec.Raw())))
		return op.None{}, errors.Join(err, replay.Exec(ctx, op.Do("charge",
			func(context.Context) error { return &LimitError{Limit: 1} }, op.WithRetry(retry.Never()))))
	})
	once(t, f, client)
	if got := client.update(t, checkpoint.ActionSucceed, "text").Payload.String(); got != "plain" {
		t.Errorf("the payload is %s", got)
	}
	if got := client.update(t, checkpoint.ActionFail, "charge").Failure.Type; got != "LimitError" {
		t.Errorf("the error type is %s", got)
	}
}

// TestDefectReplayedErrorIsTheRecordedOne guards that errors are read from where the service keeps
// them: in the details of each kind of operation.
func TestDefectReplayedErrorIsTheRecordedOne(t *testing.T) {
	t.Parallel()
	records := map[string]string{
		"STEP":    `{"Id":"%s","Name":"charge","Type":"STEP","SubType":"Step","Status":"FAILED","StepDetails":{"Attempt":1,"Error":{"ErrorType":"DeclinedError","ErrorMessage":"no funds"}}}`,
		"CONTEXT": `{"Id":"%s","Name":"charge","Type":"CONTEXT","SubType":"RunInChildContext","Status":"FAILED","ContextDetails":{"Error":{"ErrorType":"DeclinedError","ErrorMessage":"no funds"}}}`,
	}
	for kind, record := range records {
		charge := op.Do("charge", func(context.Context) error { return nil })
		if kind == "CONTEXT" {
			charge = op.Group("charge", func(op.Context) (op.None, error) { return op.None{}, nil })
		}
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) { return replay.Run(ctx, charge) })
		event := `{"DurableExecutionArn":"` + tapeARN + `","CheckpointToken":"t","InitialExecutionState":{"Operations":[` +
			`{"Id":"8f3c1a","Type":"EXECUTION","Status":"STARTED"},` + fmt.Sprintf(record, oplog.ID("", "charge", "", 0)) + `]}}`
		if got := say(f.Invoke(onTape(t, &tape{}), []byte(event))); got != "FAILED DeclinedError: no funds" {
			t.Errorf("%s: answer %s", kind, got)
		}
	}
}

// TestDefectLongLogIsReadToItsEnd guards that a log of more than one page is no shorter log.
func TestDefectLongLogIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	runs := 0
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range 30 {
			if err := replay.Exec(ctx, op.Do("work", func(context.Context) error { runs++; return nil }).Key(fmt.Sprint("n", i))); err != nil {
				return op.None{}, err
			}
		}
		return replay.Run(ctx, op.Wait("pause", time.Hour))
	}), "null", local.WithLimits(local.Limits{PageItems: 7}))
	if end(e) != "SUCCEEDED {}" || runs != 30 || e.Invocations() != 2 {
		t.Errorf("the execution ended as %s, %d bodies in %d invocations", end(e), runs, e.Invocations())
	}
}

// TestDefectEveryOperationHasItsSubType guards that tools can distinguish operations.
func TestDefectEveryOperationHasItsSubType(t *testing.T) {
	t.Parallel()
	noop := func(context.Context) error { return nil }
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		return replay.Run(ctx, op.Group("group", func(ctx op.Context) (op.None, error) {
			if err := replay.Exec(ctx, op.Do("step", noop)); err != nil {
				return op.None{}, err
			}
			return replay.Run(ctx, op.Wait("wait", time.Second))
		}))
	}), "null")
	got := map[string]string{}
	for _, rec := range e.Operations()[1:] {
		got[rec.Name] = rec.SubType
	}
	want := map[string]string{"group": "RunInChildContext", "step": "Step", "wait": "Wait"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sub-types (-want +got):\n%s", diff)
	}
}

// TestDefectLargeResultBelongsToTheExecution guards that a result too large for the answer is
// written to the operation that the service has issued, and that the answer is then empty.
func TestDefectLargeResultBelongsToTheExecution(t *testing.T) {
	t.Parallel()
	client := &tape{}
	f := replay.Handler(func(op.Context, op.None) (string, error) { return strings.Repeat("x", 7<<20), nil })
	out, err := f.Invoke(onTape(t, client), event(t))
	if string(out) != `{"Status":"SUCCEEDED","Result":""}` || err != nil {
		t.Errorf("answer %.100s, %v", out, err)
	}
	if u := client.inputs[0].Updates[0]; u.ID != "8f3c1a" || u.Kind != checkpoint.KindExecution || len(u.Payload.Bytes()) != 7<<20+2 {
		t.Errorf("the update is %s of %s %s with %d bytes", u.Action, u.Kind, u.ID, len(u.Payload.Bytes()))
	}
}

// TestDefectLostConnectionDoesNotEndTheExecution guards that what may succeed another time fails
// the invocation, so that the service invokes again.
func TestDefectLostConnectionDoesNotEndTheExecution(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		failed := 0
		e := drive(t, replay.Handler(flaky(nil)), "null", local.WithFaults(local.Faults{Fail: func(p local.Point) error {
			if p.Moment != local.MomentBeforeCall || failed == 2 {
				return nil
			}
			failed++
			return apiError(status, "", "try again")
		}}))
		if end(e) != "SUCCEEDED 1" || e.Invocations() != 3 {
			t.Errorf("status %d: the execution ended as %s after %d invocations", status, end(e), e.Invocations())
		}
	}
}

// TestDefectEndOfTheTimeIsNoSuspension guards that the answer is never PENDING while nothing is
// pending: a body that runs out of time makes the invocation fail.
func TestDefectEndOfTheTimeIsNoSuspension(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(checkpoint.WithClient(t.Context(), &tape{}), time.Minute)
		defer cancel()
		f := replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
			return replay.Run(ctx, op.Do("charge", func(ctx context.Context) error { <-ctx.Done(); return nil }))
		})
		out, err := f.Invoke(ctx, event(t))
		if out != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("answer %s, %v", out, err)
		}
	})
}

// TestDefectAwaitedCheckpointIsNotHeld guards that a call is made at once when someone waits for
// it.
func TestDefectAwaitedCheckpointIsNotHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newSlowLine(0)
		strict := op.Do("strict", func(context.Context) error { return nil }, op.WithSemantics(op.AtMostOncePerRetry))
		if got := client.invoke(t, replay.Handler(inTurn(strict, strict, strict))); got != "SUCCEEDED {}" {
			t.Errorf("answer %s", got)
		}
		if took := time.Since(client.began); took != 0 {
			t.Errorf("six calls that take no time took %v", took)
		}
	})
}

// TestDefectCallIsNeverLargerThanItsLimits guards the number and the bytes of updates in a call.
func TestDefectCallIsNeverLargerThanItsLimits(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range 600 {
			replay.Go(ctx, op.Step("work", func(context.Context) (string, error) { return strings.Repeat("x", 4<<10), nil }).Key(fmt.Sprint("n", i)))
		}
		return op.None{}, nil
	}), "null")
	if end(e) != "SUCCEEDED {}" {
		t.Fatalf("the execution ended as %s", end(e))
	}
	for _, c := range e.CheckpointCalls() {
		size := 0
		for _, u := range c.Updates {
			size += len(u.Payload.Bytes())
		}
		if len(c.Updates) > outbox.MaxUpdates || size > outbox.MaxBytes {
			t.Errorf("a call of %d updates and %d bytes", len(c.Updates), size)
		}
	}
}

// TestDefectOneCallAtATimeWithTheNewestToken guards the chain of tokens under concurrency, and that
// what the answers say is taken in.
func TestDefectOneCallAtATimeWithTheNewestToken(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		for i := range 20 {
			replay.Go(ctx, op.Group("order", func(ctx op.Context) (op.None, error) {
				if err := replay.Exec(ctx, op.Do("strict", func(context.Context) error { return nil }, op.WithSemantics(op.AtMostOncePerRetry))); err != nil {
					return op.None{}, err
				}
				return replay.Run(ctx, op.Wait("pause", time.Minute))
			}).Key(fmt.Sprint("n", i)))
		}
		return op.None{}, nil
	}), "null")
	if end(e) != "SUCCEEDED {}" || e.Invocations() != 2 {
		t.Errorf("the execution ended as %s after %d invocations", end(e), e.Invocations())
	}
	for _, c := range e.CheckpointCalls() {
		if c.Err != nil {
			t.Errorf("call %d of invocation %d: %v", c.Number, c.Invocation, c.Err)
		}
	}
}

// TestDefectParentStartsBeforeItsChildren guards the order of updates: START of a group, then what
// is in it, then its end; no update is sorted or lost.
func TestDefectParentStartsBeforeItsChildren(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(func(ctx op.Context, _ op.None) (op.None, error) {
		var nest func(depth int) op.Op[op.None]
		nest = func(depth int) op.Op[op.None] {
			return op.Group(fmt.Sprint("g", depth), func(ctx op.Context) (op.None, error) {
				if depth == 5 {
					return op.None{}, nil
				}
				replay.Go(ctx, nest(depth+1))
				return replay.Run(ctx, op.Do("work", func(context.Context) error { return nil }))
			})
		}
		return replay.Run(ctx, nest(0))
	}), "null")
	if end(e) != "SUCCEEDED {}" {
		t.Fatalf("the execution ended as %s", end(e))
	}
	started, ended := map[string]bool{"": true}, map[string]bool{}
	for _, c := range e.CheckpointCalls() {
		for _, u := range c.Updates {
			if !started[u.ParentID] || ended[u.ParentID] {
				t.Errorf("%s %s while its parent is not open", u.Action, u.Name)
			}
			started[u.ID] = started[u.ID] || u.Action == checkpoint.ActionStart
			ended[u.ID] = u.Action != checkpoint.ActionStart
		}
	}
}

// TestDefectPanicDoesNotEndTheProcess guards that a panic is a failure of the execution.
func TestDefectPanicDoesNotEndTheProcess(t *testing.T) {
	t.Parallel()
	f := replay.Handler(func(ctx op.Context, n int) (int, error) {
		if n == 1 {
			panic("no table")
		}
		return n, nil
	})
	if got := end(drive(t, f, "1")); got != "FAILED PanicError: panic: no table" {
		t.Errorf("the execution ended as %s", got)
	}
	if got := end(drive(t, f, "2")); got != "SUCCEEDED 2" {
		t.Errorf("the next one ended as %s", got)
	}
}

// TestDefectUnitsOfAPolicyAreDurations guards that seconds are seconds: what is written in the
// code is what the history shows.
func TestDefectUnitsOfAPolicyAreDurations(t *testing.T) {
	t.Parallel()
	e := drive(t, replay.Handler(flaky(failures(3, errThrottled), op.WithRetry(
		retry.Exponential(retry.MaxAttempts(5), retry.InitialDelay(2*time.Second), retry.Rate(3), retry.NoJitter())))), "null")
	if diff := cmp.Diff([]time.Duration{2 * time.Second, 6 * time.Second, 18 * time.Second}, delays(e)); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
}
