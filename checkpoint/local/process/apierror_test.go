//go:build unix

package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	lambdaapi "github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	front "github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/local/process"
)

// How an execution ends after a fault.
const (
	goesOn  = "goes on"  // in the same invocation: the AWS SDK makes the call again
	again   = "again"    // the invocation fails, and the service invokes again
	fails   = "fails"    // the execution fails with the code of the error
	pending = "suspends" // the invocation is suspended or fails, and goes on in another one
	stops   = "stops"    // the invocation answers PENDING, and goes on in another one
)

const (
	checkpointAPI = "checkpoint"
	stateAPI      = "state"
)

// always is more than the AWS SDK makes of one call.
const always = 100

// apiFault is something that goes wrong with a call.
type apiFault struct {
	name string
	hit  func(*apiExchange)
	// attempts is how many requests are hit; lasting says that they may be those of later calls,
	// too.
	attempts int
	lasting  bool
	want     string
	code     string // of an execution that fails
	only     string // the API that it can happen to; empty for all
}

func apiFaults() []apiFault {
	const invalid, parameter = "InvalidParameterValueException", "Inconsistent operation type."
	return slices.Concat([]apiFault{
		{name: "stale token", hit: refuses(400, invalid, "Invalid checkpoint token"), attempts: 1, want: again},
		{name: "stale token, in capitals", hit: refuses(400, invalid, "Invalid Checkpoint Token"), attempts: 1, want: again},
		{name: "stale token, in all capitals", hit: refuses(400, invalid, "INVALID CHECKPOINT TOKEN: abc"), attempts: 1, want: again},
		{name: "stale token, in other words", hit: refuses(400, invalid, "The checkpoint token has expired."), attempts: 1, want: again},
		{name: "another parameter", hit: refuses(400, invalid, parameter), attempts: 1, want: fails, code: invalid},
		{name: "member out of its bounds", hit: refuses(400, "ValidationException", "1 validation error"), attempts: 1, want: fails, code: "ValidationException"},
		{name: "no permission", hit: refuses(403, "AccessDeniedException", "no"), attempts: 1, want: fails, code: "AccessDeniedException"},
		{name: "no such thing", hit: refuses(404, "ResourceNotFoundException", "no"), attempts: 1, want: fails, code: "ResourceNotFoundException"},
		{name: "conflict", hit: refuses(409, "ResourceConflictException", "no"), attempts: 1, want: fails, code: "ResourceConflictException"},
		{name: "too large", hit: refuses(413, "RequestTooLargeException", "no"), attempts: 1, want: fails, code: "RequestTooLargeException"},
		{name: "code of another version", hit: refuses(418, "TeapotException", "no"), attempts: 1, want: fails, code: "TeapotException"},
		{name: "4xx that is no JSON", hit: html(400), attempts: 1, want: fails},
		{name: "4xx without a body", hit: says(405, "", "", ""), attempts: 1, want: fails, code: "UnknownError"},
		{name: "time is over, once", hit: refuses(408, "RequestTimeoutException", "slow"), attempts: 1, want: goesOn},
		{name: "time is over", hit: refuses(408, "RequestTimeoutException", "slow"), attempts: always, want: fails, code: "RequestTimeoutException"},
		{name: "throttled once", hit: refuses(429, "TooManyRequestsException", "slow"), attempts: 1, want: goesOn},
		{name: "throttled twice", hit: refuses(429, "TooManyRequestsException", "slow"), attempts: 2, want: goesOn},
		{name: "throttled", hit: refuses(429, "TooManyRequestsException", "slow"), attempts: always, want: again},
		{name: "throttled without a code", hit: says(429, "", "", ""), attempts: 1, want: again},
		{name: "storm that ends", hit: refuses(429, "TooManyRequestsException", "slow"), attempts: 8, lasting: true, want: pending},
		{name: "service fails once", hit: refuses(500, "ServiceException", "oops"), attempts: 1, want: goesOn},
		{name: "service fails", hit: refuses(500, "ServiceException", "oops"), attempts: always, want: again},
		{name: "500 without a body", hit: says(500, "", "", ""), attempts: always, want: again},
		{name: "500 cut off", hit: wire(false, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 90\r\n\r\n{\"mess"), attempts: 1, want: goesOn},
		{name: "gateway, once", hit: html(502), attempts: 1, want: goesOn},
		{name: "gateway", hit: html(502), attempts: always, want: again},
		{name: "not available, once", hit: says(503, "", "", ""), attempts: 1, want: goesOn},
		{name: "not available", hit: says(503, "", "", ""), attempts: always, want: again},
		{name: "gateway waits too long", hit: html(504), attempts: always, want: again},
		{name: "redirect", hit: says(302, "", "", ""), attempts: 1, want: again},
		{name: "key denied, once", hit: refuses(502, "KMSAccessDeniedException", "no"), attempts: 1, want: goesOn},
	}, kmsFaults(), networkFaults())
}

// kmsFaults are those of the key that the log is encrypted with: their status is 502, and they
// stay.
func kmsFaults() (all []apiFault) {
	for _, code := range []string{"KMSAccessDeniedException", "KMSDisabledException", "KMSInvalidStateException", "KMSNotFoundException"} {
		all = append(all, apiFault{name: code, hit: refuses(502, code, "no"), attempts: always, want: fails, code: code})
	}
	return append(all, apiFault{
		name: "key denied, as 403", hit: refuses(403, "KMSAccessDeniedException", "no"),
		attempts: 1, want: fails, code: "KMSAccessDeniedException",
	})
}

// networkFaults are those of which the service knows nothing.
func networkFaults() []apiFault {
	const empty = `{}`
	return []apiFault{
		{name: "reset before the commit, once", hit: wire(true, ""), attempts: 1, want: goesOn},
		{name: "reset before the commit", hit: wire(true, ""), attempts: always, want: again},
		{name: "closed before the commit", hit: wire(false, ""), attempts: always, want: again},
		{name: "no HTTP", hit: wire(false, "SSH-2.0-OpenSSH_9.6\r\n"), attempts: 1, want: goesOn},
		{name: "answer lost, once", hit: commits(lost), attempts: 1, want: goesOn},
		{name: "answer lost twice", hit: commits(lost), attempts: 2, want: goesOn},
		{name: "answer lost", hit: commits(lost), attempts: always, want: again},
		{name: "answer lost, and the call is not known any more", hit: forgets, attempts: always, want: again, only: checkpointAPI},
		{name: "answer cut off", hit: commits(truncated), attempts: 1, want: again},
		{name: "answer that is no JSON", hit: commits(func(x *apiExchange, _ *httptest.ResponseRecorder) { html(200)(x) }), attempts: 1, want: again},
		{name: "answer of other types", hit: says(200, "", "application/json", `{"Operations":7,"NewExecutionState":7}`), attempts: 1, want: again},
		{name: "answer without token", hit: paused(nil), attempts: 1, want: stops, only: checkpointAPI},
		{name: "answer without anything", hit: paused(says(200, "", "application/json", empty)), attempts: 1, want: stops, only: checkpointAPI},
		{name: "slow before the commit, once", hit: func(x *apiExchange) { silent(x, nil) }, attempts: 1, want: goesOn},
		{name: "slow after the commit, once", hit: commits(silent), attempts: 1, want: goesOn},
		{name: "slow after the commit", hit: commits(silent), attempts: always, want: again},
	}
}

// apiStage is a service behind a line, with the function that buys.
type apiStage struct {
	*local.Service

	line *apiLine
	api  *lambdaapi.Client
	dir  string

	mu sync.Mutex
	// settled is how often a body had run when its result was committed, by execution and step.
	settled map[string]int
}

func newAPIStage(t *testing.T, program string, opts ...local.Option) *apiStage {
	t.Helper()
	s := &apiStage{dir: t.TempDir(), settled: make(map[string]int)}
	s.Service = local.New(append([]local.Option{
		local.WithLimits(local.Limits{PageItems: 2, RetryPause: 10 * time.Millisecond, MaxRetryPause: 100 * time.Millisecond}),
		local.WithFaults(local.Faults{Committed: s.committed}),
	}, opts...)...)
	var endpoint string
	s.line, endpoint = newAPILine(t, front.Handler(s.Service))
	f := run(t, program, process.WithEndpoint(endpoint), process.WithMaxProcesses(12), process.WithInitTimeout(time.Minute))
	t.Cleanup(func() { // before the function and the server
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Host("buyer", f); err != nil {
		t.Fatal(err)
	}
	s.api = lambdaapi.New(lambdaapi.Options{
		Region: "us-east-1", BaseEndpoint: &endpoint,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	})
	return s
}

func (s *apiStage) ledger(execution string) string { return filepath.Join(s.dir, execution) }

// committed notes that the result of a step is in the log: its body must not run again.
func (s *apiStage) committed(p local.Point) {
	for _, u := range p.Updates {
		if u.Kind == checkpoint.KindStep && u.Action == checkpoint.ActionSucceed {
			e, _ := s.Execution(p.ARN)
			s.mu.Lock()
			s.settled[e.Name()+" "+u.Name] = runsOf(s.ledger(e.Name()), u.Name)
			s.mu.Unlock()
		}
	}
}

// buy starts an execution as users do, and waits for its end.
func (s *apiStage) buy(ctx context.Context, name string, p *apiPlan, in purchase) (*local.Execution, error) {
	s.line.plan(name, p)
	in.Ledger = s.ledger(name)
	input, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	kind := lambdatypes.InvocationTypeEvent
	if in.Bytes > 1<<20 { // such a result is for one who waits for it
		kind = lambdatypes.InvocationTypeRequestResponse
	}
	out, err := s.api.Invoke(ctx, &lambdaapi.InvokeInput{
		FunctionName: aws.String("buyer"), InvocationType: kind,
		DurableExecutionName: &name, Payload: input,
	})
	if err != nil {
		return nil, err
	}
	e, ok := s.Execution(aws.ToString(out.DurableExecutionArn))
	if !ok {
		return nil, fmt.Errorf("there is no execution %s", aws.ToString(out.DurableExecutionArn))
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	return e, e.Wait(ctx)
}

// calls returns how many calls of each API an undisturbed execution makes, at the least.
func (s *apiStage) calls(t *testing.T) map[string]int {
	t.Helper()
	least := make(map[string]int)
	for i := range 5 { // a body may take so long on a busy machine that its START is a call of its own
		name := fmt.Sprint("undisturbed-", i)
		e, err := s.buy(t.Context(), name, &apiPlan{}, purchase{})
		if err != nil {
			t.Fatal(err)
		}
		if problems := s.judge(e, apiFault{want: goesOn}, checkpointAPI); len(problems) > 0 {
			t.Fatalf("an execution that is not disturbed: %s", strings.Join(problems, "; "))
		}
		for _, api := range []string{checkpointAPI, stateAPI} {
			if n, _ := s.line.seen(name, api); least[api] == 0 || n < least[api] {
				least[api] = n
			}
		}
	}
	return least
}

// judge says what is wrong with how an execution has ended.
func (s *apiStage) judge(e *local.Execution, f apiFault, api string) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	failed := 0
	for _, ev := range e.History() {
		if ev.Type != local.EventInvocationCompleted || ev.Failure == nil {
			continue
		}
		failed++
		if call := map[string]string{checkpointAPI: "CheckpointDurableExecution", stateAPI: "GetDurableExecutionState"}[api]; f.want == again &&
			!strings.Contains(ev.Failure.Message, call) {
			wrong("an invocation failed with %q, which does not name the call", ev.Failure.Message)
		}
	}
	switch {
	case f.want == again && failed != 1:
		wrong("%d invocations failed, want 1", failed)
	case (f.want == goesOn || f.want == fails || f.want == stops) && failed != 0:
		wrong("%d invocations failed, want none", failed)
	}
	if f.want == fails {
		if e.Status() != local.StatusFailed || e.Failure() == nil || e.Failure().Type != f.code {
			wrong("it ended with %s, %+v, want FAILED with %q", e.Status(), e.Failure(), f.code)
		}
	} else {
		problems = append(problems, s.receipt(e)...)
	}
	for _, o := range e.Operations() {
		if !o.Status.Terminal() && o.Kind != checkpoint.KindExecution && e.Status() == local.StatusSucceeded {
			wrong("%s is %s at the end", o.Name, o.Status)
		}
	}
	return append(problems, s.effects(e)...)
}

// receipt says what is wrong with the result of an execution that has succeeded.
func (s *apiStage) receipt(e *local.Execution) (problems []string) {
	var r receipt
	if err := json.Unmarshal(e.Result(), &r); err != nil || e.Status() != local.StatusSucceeded {
		return []string{fmt.Sprintf("it ended with %s, %.200s, %+v", e.Status(), e.Result(), e.Failure())}
	}
	ledger := s.ledger(e.Name())
	switch {
	case len(r.Seen) > 0:
		return []string{fmt.Sprintf("the handler got to see %q", r.Seen)}
	case r.Approved != "yes",
		r.Reserved < 1 || r.Reserved > runsOf(ledger, "reserve"),
		r.Shipped < 1 || r.Shipped > runsOf(ledger, "ship"),
		r.Charged > runsOf(ledger, "charge"):
		return []string{fmt.Sprintf("the receipt is %+v", r)}
	}
	return nil
}

// effects says what is wrong with how often bodies ran.
func (s *apiStage) effects(e *local.Execution) (problems []string) {
	ledger := s.ledger(e.Name())
	if n := runsOf(ledger, "charge"); n > 1 {
		problems = append(problems, fmt.Sprintf("the card was charged %d times, want at most once", n))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range []string{"reserve", "charge", "ship"} {
		n, ok := s.settled[e.Name()+" "+step]
		if runs := runsOf(ledger, step); ok && runs != n {
			problems = append(problems, fmt.Sprintf("%s ran %d times, %d of them before its result was in the log", step, runs, n))
		}
	}
	return problems
}

// TestEveryAPIErrorAtEveryCall has each fault hit each call of an execution: over HTTP, between the
// local service and a program of aws-lambda-go whose client is that of the AWS SDK with its own
// retries.
func TestEveryAPIErrorAtEveryCall(t *testing.T) {
	t.Parallel()
	s := newAPIStage(t, "buyer")
	calls := s.calls(t)
	if calls[checkpointAPI] < 6 || calls[stateAPI] < 2 {
		t.Fatalf("an execution makes %v calls, want some of both", calls)
	}
	var mu sync.Mutex
	counts := make(map[string]int)
	var all sync.WaitGroup
	room := make(chan struct{}, 32)
	for n, f := range apiFaults() {
		for _, api := range []string{checkpointAPI, stateAPI} {
			if f.only != "" && f.only != api {
				continue
			}
			for call := 1; call <= calls[api]; call++ {
				room <- struct{}{}
				all.Go(func() {
					defer func() { <-room }()
					where := fmt.Sprintf("%s at %s call %d", f.name, api, call)
					name := fmt.Sprintf("f%d-%s-%d", n, api, call)
					e, err := s.buy(t.Context(), name, &apiPlan{fault: f, api: api, call: call}, purchase{})
					if err != nil {
						t.Errorf("%s: %v", where, err)
						return
					}
					problems := s.judge(e, f, api)
					_, hits := s.line.seen(name, api)
					if hits == 0 {
						problems = append(problems, "it was never hit")
					}
					for _, p := range problems {
						t.Errorf("%s: want that it %s: %s", where, f.want, p)
					}
					mu.Lock()
					defer mu.Unlock()
					counts["executions"]++
					counts["requests hit"] += hits
					counts[f.want]++
				})
			}
		}
	}
	all.Wait()
	t.Logf("%d faults at %d checkpoint and %d state calls: %d executions, %d requests hit; "+
		"%d go on by the SDK's retries, %d are invoked again, %d either, %d fail",
		len(apiFaults()), calls[checkpointAPI], calls[stateAPI], counts["executions"], counts["requests hit"],
		counts[goesOn], counts[again], counts[pending], counts[fails])
}
