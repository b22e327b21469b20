//go:build unix

package process_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/checkpoint/local"
)

// TestStormThatDoesNotEnd throttles every call of some executions from one on, forever: they are
// invoked again and again until their time is over, or nine invocations in a row have failed, and
// executions that no one throttles go on beside them.
func TestStormThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		limits local.Limits
		want   local.Status
	}{
		"until its time is over": {local.Limits{FailedInvocations: -1}, local.StatusTimedOut},
		"until nine have failed": {local.Limits{}, local.StatusFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			throttleForEver(t, tt.limits, tt.want)
		})
	}
}

func throttleForEver(t *testing.T, limits local.Limits, want local.Status) {
	t.Helper()
	s := newAPIStage(t, "buyer", local.WithExecutionTimeout(5*time.Second), local.WithLimits(limits))
	storm := apiFault{hit: refuses(429, "TooManyRequestsException", "slow"), attempts: 1 << 30, lasting: true}
	var all sync.WaitGroup
	for call := 1; call <= 6; call++ {
		all.Go(func() {
			name := fmt.Sprint("storm-", call)
			e, err := s.buy(t.Context(), name, &apiPlan{fault: storm, api: checkpointAPI, call: call}, purchase{})
			if err != nil {
				t.Errorf("from call %d on: %v", call, err)
				return
			}
			_, hits := s.line.seen(name, checkpointAPI)
			if e.Status() != want || e.Invocations() < 5 || hits < 15 {
				t.Errorf("from call %d on: it ended with %s after %d invocations and %d throttled requests, want %s after many",
					call, e.Status(), e.Invocations(), hits, want)
			}
			for _, p := range s.effects(e) {
				t.Errorf("from call %d on: %s", call, p)
			}
		})
	}
	for i := range 3 {
		all.Go(func() {
			e, err := s.buy(t.Context(), fmt.Sprint("beside-", i), &apiPlan{}, purchase{})
			if err != nil {
				t.Error(err)
				return
			}
			for _, p := range s.judge(e, apiFault{want: goesOn}, checkpointAPI) {
				t.Errorf("beside the storm: %s", p)
			}
		})
	}
	all.Wait()
}

// TestLargestAnswersOverHTTP covers results that fit no answer, with what can happen to the call
// that carries them, and failures that do not fit.
func TestLargestAnswersOverHTTP(t *testing.T) {
	t.Parallel()
	const most = 6 << 20 // of an EXECUTION update, and of an answer
	s := newAPIStage(t, "patient buyer")
	tests := []struct {
		name, reason string
		in           purchase
		fault        apiFault
		carried      bool // the result is in a call of its own
	}{
		{name: "fits", reason: "the answer carries it", in: purchase{Bytes: most - 300}, fault: apiFault{want: goesOn}},
		{name: "does not fit", reason: "a call carries it", in: purchase{Bytes: most - 100}, fault: apiFault{want: goesOn}, carried: true},
		{
			name: "answer lost once", reason: "the call is known by its name, although the answer has no token",
			in: purchase{Bytes: most - 100}, fault: apiFault{hit: commits(lost), attempts: 1, want: goesOn}, carried: true,
		},
		{
			name: "answer lost", reason: "the execution has ended all the same",
			in: purchase{Bytes: most - 100}, fault: apiFault{hit: commits(lost), attempts: always, want: again}, carried: true,
		},
		{
			name: "throttled", reason: "the handler runs again and has the same result",
			in:    purchase{Bytes: most - 100},
			fault: apiFault{hit: refuses(429, "TooManyRequestsException", "slow"), attempts: always, want: again}, carried: true,
		},
		{
			name: "too large", reason: "the service takes 6 MiB", in: purchase{Bytes: most},
			fault: apiFault{want: fails, code: "InvalidParameterValueException"}, carried: true,
		},
		{
			name: "failure", reason: "its message is cut: an answer carries it, and the service takes it", in: purchase{Fail: 4 << 20},
			fault: apiFault{want: fails, code: "Error"},
		},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprint("large-", i)
			e, err := s.buy(t.Context(), name, &apiPlan{
				fault: tt.fault, api: checkpointAPI, call: 1, holding: `"Type":"EXECUTION"`,
			}, tt.in)
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range s.judge(e, tt.fault, checkpointAPI) {
				t.Errorf("%s: %.300s", tt.reason, p)
			}
			calls, hits := s.line.seen(name, checkpointAPI)
			if calls > 0 != tt.carried || tt.fault.hit != nil && hits == 0 {
				t.Errorf("%s: %d calls carried the result, %d requests were hit; want that one does: %t", tt.reason, calls, hits, tt.carried)
			}
			if f := e.Failure(); tt.in.Fail > 0 && (f == nil || len(f.Message) < 128<<10 || len(f.Message) > 1<<20) {
				t.Errorf("%s: got %d bytes", tt.reason, len(f.Message))
			}
		})
	}
}

// TestDefaultClientOverHTTP has the client that the product makes for itself meet what passes, with
// the SDK's own pauses.
func TestDefaultClientOverHTTP(t *testing.T) {
	t.Parallel()
	s := newAPIStage(t, "defaults")
	tests := []apiFault{
		{name: "nothing", want: goesOn},
		{name: "throttled twice", hit: refuses(429, "TooManyRequestsException", "slow"), attempts: 2, want: goesOn},
		{name: "not available twice", hit: says(503, "", "", ""), attempts: 2, want: goesOn},
		{name: "answer lost twice", hit: commits(lost), attempts: 2, want: goesOn},
		{name: "service fails", hit: refuses(500, "ServiceException", "oops"), attempts: always, want: again},
		{name: "stale token", hit: refuses(400, "InvalidParameterValueException", "Invalid checkpoint token"), attempts: always, want: again},
		{name: "no permission", hit: refuses(403, "AccessDeniedException", "no"), attempts: 1, want: fails, code: "AccessDeniedException"},
	}
	for i, f := range tests {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			name := fmt.Sprint("default-", i)
			e, err := s.buy(t.Context(), name, &apiPlan{fault: f, api: checkpointAPI, call: 2}, purchase{})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range s.judge(e, f, checkpointAPI) {
				t.Error(p)
			}
			_, hits := s.line.seen(name, checkpointAPI)
			want := map[string]int{goesOn: f.attempts, fails: 1}[f.want]
			if f.want == again {
				if want = 3; strings.HasPrefix(f.name, "stale") {
					want = 1
				}
			}
			if hits != want {
				t.Errorf("%d requests were hit, want %d: the AWS SDK makes a call three times, the first included", hits, want)
			}
		})
	}
}
