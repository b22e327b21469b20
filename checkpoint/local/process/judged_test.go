//go:build unix

package process_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
)

// everyJudgedKey is the variable that has the small functions also run while the service loses
// things.
const everyJudgedKey = "PERDURE_JUDGED"

// judged is a case for the testing libraries: what they are to read of an execution of a small
// function.
type judged struct {
	reason string
	// what the judge is to do
	payload, target, answer, refuse, stop string
	// what it is to read; an error is that of JavaScript, which has no modules before its types
	status, err string
	result      string
	operations  []string
}

// judgedCases are the cases by name, which is what the function does unless there is a payload.
func judgedCases(waitForCallback [2]string) map[string]judged {
	ok, failed := "SUCCEEDED", "FAILED"
	asked := func(status string) []string {
		return []string{
			"answer WaitForCallback " + map[string]string{"SUCCEEDED": ok}[status] + map[string]string{"FAILED": failed, "TIMED_OUT": failed}[status],
			waitForCallback[0] + " Callback " + status, waitForCallback[1] + " Step SUCCEEDED",
		}
	}
	return map[string]judged{
		"nothing":    {reason: "there is no operation at all", status: ok, result: `{"done":true}`},
		"no payload": {reason: "the function is given an empty event", status: ok, result: `"there was none"`},
		"step":       {reason: "one step", status: ok, result: `{"worked":"step"}`, operations: []string{"work Step SUCCEEDED"}},
		"unqualified": {
			reason: "AWS refuses the name, the local service warns", payload: `{"how":"step"}`, target: "small",
			status: ok, result: `{"worked":"step"}`, operations: []string{"work Step SUCCEEDED"},
		},
		"retries": {reason: "the step fails twice", status: ok, result: `3`, operations: []string{"busy Step SUCCEEDED"}},
		"wait":    {reason: "two invocations", status: ok, result: `"worked"`, operations: []string{"pause Wait SUCCEEDED", "work Step SUCCEEDED"}},
		"group": {reason: "operations in contexts", status: ok, result: `7`, operations: []string{
			"outer RunInChildContext SUCCEEDED", "outer/inner RunInChildContext SUCCEEDED", "outer/inner/work Step SUCCEEDED",
		}},
		"parallel": {reason: "branches with names", status: ok, result: `["l","r"]`, operations: []string{
			"both Parallel SUCCEEDED", "both/left ParallelBranch SUCCEEDED", "both/left/work Step SUCCEEDED",
			"both/right ParallelBranch SUCCEEDED", "both/right/work Step SUCCEEDED",
		}},
		"map": {reason: "items with names", status: ok, result: `[2,4,6]`, operations: []string{
			"each Map SUCCEEDED", "each/item-1 MapIteration SUCCEEDED", "each/item-1/double Step SUCCEEDED",
			"each/item-2 MapIteration SUCCEEDED", "each/item-2/double Step SUCCEEDED",
			"each/item-3 MapIteration SUCCEEDED", "each/item-3/double Step SUCCEEDED",
		}},
		"condition": {reason: "a step that succeeds for now", status: ok, result: `2`, operations: []string{"looks WaitForCondition SUCCEEDED"}},
		"invoke": {
			reason: "another execution, by an alias", status: ok, result: `{"worked":"step"}`,
			operations: []string{"other ChainedInvoke SUCCEEDED"},
		},
		"invoke plain": {
			reason: "a function that is not durable is given {} for no payload", status: ok, result: `{}`,
			operations: []string{"other ChainedInvoke SUCCEEDED"},
		},
		"invoke failure": {
			reason: "the other execution fails", status: failed, err: "InvokeError: no money",
			operations: []string{"other ChainedInvoke FAILED"},
		},
		"failure": {reason: "the error is not caught", status: failed, err: "StepError: no money", operations: []string{"charge Step FAILED"}},
		"caught":  {reason: "it is caught", status: ok, result: `"no money"`, operations: []string{"charge Step FAILED"}},
		"throws":  {reason: "the handler itself", status: failed, err: "Declined: no money at all"},
		"callback": {
			reason: "the library finds its ID and answers it", answer: "yes", status: ok, result: `"yes"`,
			operations: []string{"answer Callback SUCCEEDED"},
		},
		"refusal": {
			reason: "the library refuses it", refuse: "not today", status: failed, err: "CallbackExternalError: not today",
			operations: asked(failed),
		},
		"late": {
			reason: "no answer within its second", status: failed, err: "CallbackTimeoutError: Callback timed out",
			operations: asked("TIMED_OUT"),
		},
		"timed out": {
			reason: "the execution may take two seconds", payload: `{"how":"endless"}`, target: "late:live",
			status: "TIMED_OUT", err: "Execution.Timeout: Execution timed out",
		},
		"stopped": {
			reason: "the library stops it", payload: `{"how":"endless"}`, target: "stop:live", stop: "enough",
			status: "STOPPED", err: "Enough: enough",
		},
		"perdure": {
			reason: "a function that is written with perdure", payload: `{"how":"everything"}`, target: "perdure:live", answer: "yes",
			status: ok, result: `"yes"`, operations: []string{
				"answer WaitForCallback SUCCEEDED", "answer/answer-callback Callback SUCCEEDED", "answer/answer-submitter Step SUCCEEDED",
				"busy Step SUCCEEDED",
				"each Map SUCCEEDED", "each/item-0 MapIteration SUCCEEDED", "each/item-0/double Step SUCCEEDED",
				"each/item-1 MapIteration SUCCEEDED", "each/item-1/double Step SUCCEEDED",
				"first RunInChildContext SUCCEEDED", "first/quick Step SUCCEEDED", "first/year Wait STARTED",
				"other ChainedInvoke SUCCEEDED",
			},
		},
	}
}

// TestJavaScriptTestsAreRight: AWS's testing library for JavaScript reads every execution through
// the front as what it is.
func TestJavaScriptTestsAreRight(t *testing.T) { //nolint:paralleltest // it starts many processes
	l := smallJavaScript(t)
	judgeAll(t, l, judgedCases([2]string{"answer/-", "answer/-"}))
}

// TestPythonTestsAreRight: AWS's testing library for Python does, too.
func TestPythonTestsAreRight(t *testing.T) { //nolint:paralleltest // it starts many processes
	l := installPython(t)
	cases := judgedCases([2]string{"answer/answer create callback id", "answer/answer submitter"})
	for name, module := range map[string]string{
		"invoke failure": "aws_durable_execution_sdk_python.exceptions.", "failure": "aws_durable_execution_sdk_python.exceptions.",
		"refusal": "aws_durable_execution_sdk_python.exceptions.", "late": "aws_durable_execution_sdk_python.exceptions.", "throws": "small.",
	} {
		c := cases[name]
		c.err = module + c.err
		cases[name] = c
	}
	judgeAll(t, l, cases)
}

// judgeAll runs all cases, on a service that works, and on those that lose things if PERDURE_JUDGED
// is "all".
func judgeAll(t *testing.T, l language, cases map[string]judged) {
	t.Helper()
	stages := map[string][]local.Option{"a service that works": nil}
	if os.Getenv(everyJudgedKey) == "all" {
		stages["a state in pages of three operations"] = []local.Option{local.WithLimits(local.Limits{PageItems: 3})} // the SDK reads the first page of a reply alone
		stages["replies that are lost and calls that are throttled"] = []local.Option{local.WithFaults(local.Faults{Fail: func(p local.Point) error {
			switch {
			case p.Moment == local.MomentBeforeCall && p.Call%5 == 2:
				return &checkpoint.APIError{Call: p.API, HTTPStatus: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"}
			case p.Moment == local.MomentAfterCall && p.Call%5 == 4:
				return errors.New("connection reset")
			}
			return nil
		}})}
	}
	for what, opts := range stages {
		t.Run(what, func(t *testing.T) {
			_, endpoint := l.stageSmall(t, opts...)
			orders := make([]string, 0, len(cases))
			for name, c := range cases {
				orders = append(orders, c.order(t, name))
			}
			got := l.judged(t, endpoint, orders)
			for name, c := range cases {
				g, read := got[name]
				switch {
				case !read:
					t.Errorf("%s, %s: the library says nothing", name, c.reason)
					continue
				case g.Refused != "":
					t.Errorf("%s, %s: the library refuses the execution: %s", name, c.reason, g.Refused)
					continue
				}
				want := judgement{Name: name, Status: c.status, Error: c.err, Operations: c.operations}
				if c.result != "" {
					want.Result = decoded(t, c.result)
				}
				if c.stop != "" || c.status == "TIMED_OUT" {
					g.Operations = nil // how far it has come is a matter of time
				}
				if len(g.Operations) == 0 {
					g.Operations = nil
				}
				if diff := cmp.Diff(want, g); diff != "" {
					t.Errorf("%s, %s (-want +got):\n%s", name, c.reason, diff)
				}
			}
			t.Logf("%d executions were read", len(got))
		})
	}
}

// order is what the judge knows of a case.
func (c judged) order(t *testing.T, name string) string {
	t.Helper()
	o := map[string]any{"name": name}
	switch {
	case c.payload != "":
		o["payload"] = json.RawMessage(c.payload)
	case name != "no payload":
		o["payload"] = map[string]string{"how": name}
	}
	for key, value := range map[string]string{"target": c.target, "answer": c.answer, "refuse": c.refuse, "stop": c.stop} {
		if value != "" {
			o[key] = value
		}
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
