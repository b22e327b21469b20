package replay_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/retry"
)

// TestPoliciesHaveAContext: a policy sees the values of what it is asked for, what interceptors
// added too, and its logger, which is silent on replay where the policy is asked again. The context
// is alive although that of the attempt has ended.
func TestPoliciesHaveAContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	fails := func(context.Context) (int, error) { return 0, errThrottled }
	overruns := func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, ctx.Err() }
	tests := []struct {
		reason string
		o      func(p retry.Policy) op.Op[int]
		faults local.Faults
		asked  []string // each time that the policy is asked
		logs   []string
	}{
		{
			"a step has the context of its attempt", func(p retry.Policy) op.Op[int] { return op.Step("charge", fails, op.WithRetry(p)) },
			local.Faults{},
			[]string{"1 attempt of charge, charge 1 true", "2 attempt of charge, charge 2 true"},
			[]string{"asked operationName=charge attempt=1 number=1", "asked operationName=charge attempt=2 number=2"},
		},
		{
			"a step whose time is over: its policy's is not",
			func(p retry.Policy) op.Op[int] {
				return op.Step("charge", overruns, op.WithRetry(p), op.WithTimeout(time.Millisecond))
			},
			local.Faults{},
			[]string{"1 attempt of charge, charge 1 true", "2 attempt of charge, charge 2 true"},
			[]string{"asked operationName=charge attempt=1 number=1", "asked operationName=charge attempt=2 number=2"},
		},
		{
			"a step that an earlier invocation has begun: no body ran in this one",
			func(p retry.Policy) op.Op[int] {
				return op.Step("charge", fails, op.WithRetry(p), op.WithSemantics(op.AtMostOncePerRetry))
			},
			local.Faults{Lose: func(p local.Point) bool { return p.Moment == local.MomentAfterCall && p.Invocation == 1 }},
			[]string{"1 <nil>, charge 1 true", "2 attempt of charge, charge 2 true"},
			[]string{"asked operationName=charge attempt=1 number=1", "asked operationName=charge attempt=2 number=2"},
		},
		{
			"a condition", func(p retry.Policy) op.Op[int] {
				return op.WaitForCondition("ready", 0, func(context.Context, int) (int, bool, error) { return 0, false, nil }, op.WithPolling(p))
			},
			local.Faults{},
			[]string{"1 attempt of ready, ready 1 true", "2 attempt of ready, ready 2 true"},
			[]string{"asked operationName=ready attempt=1 number=1", "asked operationName=ready attempt=2 number=2"},
		},
		{
			"a Retry has that of its group, and is asked again on replay", func(p retry.Policy) op.Op[int] {
				return op.Retry("until-paid", op.Step("charge", fails, op.WithRetry(retry.Never())), p)
			},
			local.Faults{},
			[]string{"1 group until-paid,  0 true", "1 group until-paid,  0 true", "2 group until-paid,  0 true"},
			[]string{"asked number=1", "asked number=2"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			var text bytes.Buffer
			var asked []string
			policy := func(a retry.Attempt) retry.Decision {
				if a.Number > 0 {
					info, _ := op.InfoFrom(a.Context)
					asked = append(asked, fmt.Sprint(a.Number, " ", a.Context.Value(key{}), ", ", info.Name, " ", info.Attempt, " ", a.Context.Err() == nil))
					op.LoggerFrom(a.Context).Info("asked", slog.Int("number", a.Number))
				}
				return retry.Decision{Retry: a.Number < 2, After: time.Second}
			}
			f := replay.Handler(func(ctx op.Context, _ op.None) (int, error) {
				return replay.Run(ctx, tt.o(policy))
			}, replay.WithLogHandler(slog.NewTextHandler(&text, nil)), replay.WithInterceptors(replay.Interceptor{
				WrapAttempt: func(ctx context.Context, a replay.AttemptInfo, next func(context.Context) replay.AttemptEnd) {
					next(context.WithValue(ctx, key{}, "attempt of "+a.Name))
				},
				WrapGroup: func(ctx context.Context, g replay.GroupInfo, next func(context.Context) replay.AttemptEnd) {
					next(context.WithValue(ctx, key{}, "group "+g.Name))
				},
			}))
			drive(t, f, "null", local.WithFaults(tt.faults))
			if diff := cmp.Diff(tt.asked, asked); diff != "" {
				t.Error(diff)
			}
			var logs []string
			for line := range strings.Lines(text.String()) {
				if !strings.Contains(line, "msg=asked") {
					continue
				}
				said := []string{"asked"}
				for word := range strings.FieldsSeq(line) {
					for _, key := range []string{"operationName", "attempt", "number"} {
						if strings.HasPrefix(word, key+"=") {
							said = append(said, word)
						}
					}
				}
				logs = append(logs, strings.Join(said, " "))
			}
			if diff := cmp.Diff(tt.logs, logs); diff != "" {
				t.Errorf("%s\n%s", diff, text.String())
			}
		})
	}
}
