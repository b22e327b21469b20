package replay_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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

var errMailDown = errors.New("mail is down")

// submitting is a handler that waits for a callback which submit gives away.
func submitting(submit func(context.Context, string) error, opts ...op.WaitForCallbackOption) local.Handler {
	return replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.WaitForCallback[string]("approval", submit, opts...))
	}, replay.WithErrors(codec.Sentinel("MailDown", errMailDown)))
}

func TestWaitForCallbackIsAGroupOfCallbackAndStep(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	e := h.begin(t, submitting(func(context.Context, string) error { return nil }), "null")
	h.run(t, e)
	must(t, h.CompleteCallback(callbackOf(t, e), []byte("yes")))
	h.finish(t, e)
	want := []string{
		"ContextStarted approval", "CallbackStarted approval-callback",
		"StepStarted approval-submitter", "StepSucceeded approval-submitter", "InvocationCompleted",
		"CallbackSucceeded approval-callback", "ContextSucceeded approval", "InvocationCompleted", "ExecutionSucceeded",
	}
	if diff := cmp.Diff(want, history(e)); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	group := recordOf(t, e, "approval")
	for _, name := range []string{"approval-callback", "approval-submitter"} {
		if o := recordOf(t, e, name); o.ParentID != group.ID {
			t.Errorf("%s is below %q, want the group %q", name, o.ParentID, group.ID)
		}
	}
	if group.SubType != "WaitForCallback" {
		t.Errorf("the sub-type of the group is %s", group.SubType)
	}
}

func TestSubmitterIsAStepOfItsOwn(t *testing.T) {
	t.Parallel()
	policy := op.WithSubmit(op.WithRetry(retry.Fixed(10*time.Second, retry.MaxAttempts(3))))
	tests := []struct {
		reason string
		script []string // what each run of the submitter does
		opts   []op.WaitForCallbackOption
		want   string
		runs   int
	}{
		{reason: "it succeeds", script: []string{doSucceed}, want: `SUCCEEDED "yes"`, runs: 1},
		{reason: "it is retried with the same ID", script: []string{doFail, doFail, doSucceed}, opts: []op.WaitForCallbackOption{policy}, want: `SUCCEEDED "yes"`, runs: 3},
		{reason: "a crash runs it again with the same ID", script: []string{doCrash, doCrash, doSucceed}, want: `SUCCEEDED "yes"`, runs: 3},
		{
			reason: "if its policy gives up, the operation fails with its error", script: []string{doFail, doFail, doFail},
			opts: []op.WaitForCallbackOption{policy}, want: "FAILED MailDown: mail is down", runs: 3,
		},
		{
			reason: "its options add up", script: []string{doFail},
			opts: []op.WaitForCallbackOption{policy, op.WithSubmit(op.WithRetry(retry.Never()))},
			want: "FAILED MailDown: mail is down", runs: 1,
		},
		{
			reason: "at most once, a crash fails it", script: []string{doCrash},
			opts: []op.WaitForCallbackOption{op.WithSubmit(op.WithSemantics(op.AtMostOncePerRetry))},
			want: "FAILED Interrupted: interrupted before its result was recorded", runs: 1,
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var ids []string
			h := newHome(t)
			e := h.begin(t, submitting(func(ctx context.Context, id string) error {
				ids = append(ids, id)
				switch tt.script[len(ids)-1] {
				case doFail:
					return errMailDown
				case doCrash:
					local.Kill(ctx)
					runtime.Goexit()
				}
				return h.CompleteCallback(id, []byte("yes")) // before the submitter is done
			}, tt.opts...), "null")
			h.finish(t, e)
			if got := end(e); got != tt.want {
				t.Errorf("ended as %s, want %s", got, tt.want)
			}
			if len(ids) != tt.runs {
				t.Errorf("the submitter ran %d times, want %d", len(ids), tt.runs)
			}
			for _, id := range ids {
				if id != callbackOf(t, e) {
					t.Errorf("the submitter got the ID %s, want %s", id, callbackOf(t, e))
				}
			}
			if o := recordOf(t, e, "approval-callback"); tt.want[:6] == "FAILED" && o.Status != checkpoint.StatusStarted {
				t.Errorf("the callback is %s, want it left open", o.Status)
			}
		})
	}
}

func TestLongNamesOfWaitForCallbackFitTheirOperations(t *testing.T) {
	t.Parallel()
	long := make([]byte, 256)
	for i := range long {
		long[i] = 'n'
	}
	h := newHome(t)
	e := h.begin(t, replay.Handler(func(ctx op.Context, _ op.None) (string, error) {
		return replay.Run(ctx, op.WaitForCallback[string](string(long), func(_ context.Context, id string) error {
			return h.CompleteCallback(id, []byte("yes"))
		}))
	}), "null")
	h.finish(t, e)
	if got := end(e); got != `SUCCEEDED "yes"` {
		t.Errorf("ended as %s", got)
	}
}

// anywhere runs the result of a callback in some scope.
type anywhere struct {
	reason string
	run    func(ctx op.Context, result op.Op[answer]) (answer, error)
}

func places() []anywhere {
	timer := func(name string) op.Op[answer] {
		return op.Transform(op.Wait(name, time.Hour), func(op.None) (answer, error) { return answer{By: "no one"}, nil })
	}
	return []anywhere{
		{"the scope of the callback", replay.Run[answer]},
		{"many times", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			_, first := replay.Run(ctx, result)
			v, err := replay.Run(ctx, result)
			if fmt.Sprint(first) != fmt.Sprint(err) {
				return v, fmt.Errorf("first %w, then %w", first, err)
			}
			return v, err
		}},
		{"a group inside", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			return replay.Run(ctx, deep(3, func(ctx op.Context) (answer, error) { return replay.Run(ctx, result) }))
		}},
		{"a group and then outside", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			_ = replay.Exec(ctx, deep(2, func(ctx op.Context) (answer, error) { return replay.Run(ctx, result) }))
			return replay.Run(ctx, result)
		}},
		{"a race with a timer", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			return replay.Run(ctx, op.Race("first", result, timer("timer")))
		}},
		{"a race behind a timer", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			return replay.Run(ctx, op.Race("first", timer("timer"), result))
		}},
		{"a timeout", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			return replay.Run(ctx, op.Timeout("limited", result, time.Hour))
		}},
		{"a map over it", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			b, err := replay.Run(ctx, op.Map("each", []int{0, 1}, func(int) op.Op[answer] { return result }))
			if err != nil {
				return answer{}, b.Err()
			}
			return b.Values()[1], nil
		}},
		{"a future", func(ctx op.Context, result op.Op[answer]) (answer, error) {
			return replay.Run(ctx, replay.Go(ctx, result).Result())
		}},
	}
}

func TestResultOfACallbackRunsInAnyScopeInside(t *testing.T) {
	t.Parallel()
	outcomes := []struct {
		do   outside
		want string
	}{
		{send(`{"by":"ann"}`), "SUCCEEDED ann"},
		{send("nonsense"), "FAILED"},
		{refuse("Denied", "no", ""), "FAILED denied"},
	}
	for _, place := range places() {
		for _, o := range outcomes {
			t.Run(place.reason+"/"+o.want, func(t *testing.T) {
				t.Parallel()
				var n notes
				h := newHome(t)
				e := h.begin(t, twice(&n, func(ctx op.Context) (string, error) {
					cb, err := replay.Run(ctx, op.CreateCallback[answer]("approval"))
					if err != nil {
						return "", err
					}
					a, err := place.run(ctx, cb.Result())
					switch {
					case errors.Is(err, errDenied):
						return "FAILED denied", nil
					case err != nil:
						if _, ok := errors.AsType[*codec.Error](err); !ok {
							return "", err
						}
						return "FAILED", nil
					}
					return "SUCCEEDED " + a.By, nil
				}), "null")
				h.run(t, e)
				must(t, o.do(h, callbackOf(t, e)))
				h.finish(t, e)
				if got := end(e); got != "SUCCEEDED {}" {
					t.Errorf("the execution ended as %s", got)
				}
				if got, want := n.same(t, 3), fmt.Sprintf("%q", o.want); got != want {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}
