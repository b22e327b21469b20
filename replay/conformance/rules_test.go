package conformance_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// judged is a requirement of a step that is attempted twice.
const judged = `
description: a step with one retry
Variables: {INPUT: "${GEN_STR:8}", FIXED: 7}
Input: ${INPUT}
ExpectedResult: {ExecutionStatus: SUCCEEDED, Result: {got: "${INPUT}", count: 7}}
ExpectedExecutionHistory:
  - {EventType: StepStarted, EventId: 2, Id: "${ID}", Name: "*", StepStartedDetails: {}}
  - EventType: StepFailed
    EventId: 3
    Id: ${ID}
    StepFailedDetails:
      Error: {Payload: {ErrorType: "${/Transient$/}", StackTrace: [a, "*"]}}
      RetryDetails: {CurrentAttempt: 1}
  - {EventType: StepSucceeded, EventId: 4, Id: "${ID}", StepSucceededDetails: {Result: {Payload: '"${INPUT}"'}}}
  - {EventType: InvocationCompleted, EventId: 5, InvocationCompletedDetails: {}}
`

// seen is a history that meets it, as lines: each is a JSON object.
func seen() []string {
	return []string{
		`{"EventType":"ExecutionStarted","EventId":1}`,
		`{"EventType":"StepStarted","EventId":2,"Id":"s","Name":"n","StepStartedDetails":{}}`,
		`{"EventType":"StepFailed","EventId":3,"Id":"s","StepFailedDetails":{"Error":{"Payload":{"ErrorType":"x.Transient","StackTrace":["a","b"]}},"RetryDetails":{"CurrentAttempt":1}}}`,
		`{"EventType":"StepSucceeded","EventId":4,"Id":"s","StepSucceededDetails":{"Result":{"Payload":"\"INPUT\""}}}`,
		`{"EventType":"InvocationCompleted","EventId":5,"InvocationCompletedDetails":{"RequestId":"r"}}`,
		`{"EventType":"ExecutionSucceeded","EventId":6,"ExecutionSucceededDetails":{}}`,
	}
}

func TestHistoryRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason   string
		old, new string // what becomes of the history
		extra    []string
		want     string // part of the only problem; none: no problem
	}{
		{reason: "the history as it should be"},
		{reason: "a key that is not expected is not compared", old: `"Id":"s","Name"`, new: `"Id":"s","More":1,"Name"`},
		{reason: "an event that is not there", old: `"EventId":4`, new: `"EventId":0`, want: "event 4 (StepSucceeded): there is no such event"},
		{reason: "events are found by their IDs alone", old: `"StepStarted","EventId":2`, new: `"WaitStarted","EventId":2`, want: `EventType: want "StepStarted", got "WaitStarted"`},
		{reason: "{} demands the key", old: `,"StepStartedDetails":{}`, want: "the key StepStartedDetails is missing"},
		{reason: "{} takes any value", old: `"StepStartedDetails":{}`, new: `"StepStartedDetails":[1]`},
		{reason: "* demands the key", old: `,"Name":"n"`, want: "the key Name is missing"},
		{reason: "* takes any value", old: `"Name":"n"`, new: `"Name":{"a":null}`},
		{reason: "a bound variable is the same everywhere", old: `"EventId":3,"Id":"s"`, new: `"EventId":3,"Id":"t"`, want: `Id: want "s", got "t"`},
		{reason: "a pattern is searched for", old: `x.Transient`, new: `x.TransientError`, want: "ErrorType"},
		{reason: "lists have the same length", old: `["a","b"]`, new: `["a","b","c"]`, want: "StackTrace"},
		{reason: "elements of lists are compared", old: `["a","b"]`, new: `["b","b"]`, want: `StackTrace[0]: want "a", got "b"`},
		{reason: "numbers are compared", old: `"CurrentAttempt":1`, new: `"CurrentAttempt":2`, want: "CurrentAttempt: want 1, got 2"},
		{reason: "a number is no text", old: `"CurrentAttempt":1`, new: `"CurrentAttempt":"1"`, want: "CurrentAttempt"},
		{reason: "an object is no text", old: `"RetryDetails":{"CurrentAttempt":1}`, new: `"RetryDetails":"1"`, want: "RetryDetails"},
		{reason: "variables inside texts are replaced", old: `\"INPUT\"`, new: `\"other\"`, want: "Payload"},
		{reason: "one more end of an invocation may follow", old: `{"EventType":"ExecutionSucceeded","EventId":6,"ExecutionSucceededDetails":{}}`, new: `{"EventType":"InvocationCompleted","EventId":6}`},
		{reason: "nothing else may follow", extra: []string{`{"EventType":"WaitStarted","EventId":7}`}, want: "event 7 (WaitStarted) is not expected"},
		{reason: "no two ends of the execution may follow", extra: []string{`{"EventType":"ExecutionFailed","EventId":7}`}, want: "event 7 (ExecutionFailed)"},
		{reason: "one more end of an invocation and one of the execution", old: `{"EventType":"ExecutionSucceeded","EventId":6,"ExecutionSucceededDetails":{}}`, new: `{"EventType":"InvocationCompleted","EventId":6}`, extra: []string{`{"EventType":"ExecutionSucceeded","EventId":7}`}},
		{reason: "no invocation follows the end of the execution", extra: []string{`{"EventType":"InvocationCompleted","EventId":7}`}, want: "event 7 (InvocationCompleted)"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			q, vars := read(t, judged)
			text := strings.Join(append(seen(), tt.extra...), "\n")
			if !strings.Contains(text, tt.old) {
				t.Fatalf("the history does not hold %s", tt.old)
			}
			text = strings.Replace(text, tt.old, tt.new, 1)
			expect(t, tt.want, vars.History(q.History, history(t, vars.Expand(strings.ReplaceAll(text, "INPUT", "${INPUT}")))))
		})
	}
}

func TestNothingFollowsTheEndOfTheExecution(t *testing.T) {
	t.Parallel()
	q, vars := read(t, "ExpectedExecutionHistory: [{EventId: 2, EventType: InvocationCompleted}, {EventId: 3, EventType: ExecutionSucceeded}]")
	got := `{"EventId":2,"EventType":"InvocationCompleted"}
{"EventId":3,"EventType":"ExecutionSucceeded"}
`
	expect(t, "", vars.History(q.History, history(t, got)))
	for _, kind := range []string{"InvocationCompleted", "ExecutionSucceeded", "StepStarted"} {
		expect(t, "event 4 ("+kind+")", vars.History(q.History, history(t, got+`{"EventId":4,"EventType":"`+kind+`"}`)))
	}
}

func TestHistoryWithGapsMayGoOn(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, want, got string }{
		{reason: "a gap", want: `[{EventType: InvocationCompleted, EventId: 3}]`},
		{reason: "another event is last", want: `[{EventType: WaitStarted, EventId: 2}]`},
		{reason: "the events begin late", want: `[{EventType: WaitStarted, EventId: 4}, {EventType: InvocationCompleted, EventId: 5}]`},
	}
	got := `{"EventType":"ExecutionStarted","EventId":1}
{"EventType":"WaitStarted","EventId":2}
{"EventType":"InvocationCompleted","EventId":3}
{"EventType":"WaitStarted","EventId":4}
{"EventType":"InvocationCompleted","EventId":5}
{"EventType":"StepStarted","EventId":6}`
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			q, vars := read(t, "ExpectedExecutionHistory: "+tt.want)
			expect(t, "", vars.History(q.History, history(t, got)))
		})
	}
}

func TestOutcomeRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, expected, status, result string
		none                             bool // no result
		want                             string
	}{
		{reason: "as expected", expected: `{ExecutionStatus: SUCCEEDED, Result: {a: [1, "x"]}}`, status: "SUCCEEDED", result: `{"a":[1.0,"x"]}`},
		{reason: "the status", expected: `{ExecutionStatus: SUCCEEDED}`, status: "FAILED", want: `status: want "SUCCEEDED", got "FAILED"`},
		{reason: "another value", expected: `{ExecutionStatus: SUCCEEDED, Result: 3}`, status: "SUCCEEDED", result: `4`, want: "result: want 3, got 4"},
		{reason: "one more member", expected: `{ExecutionStatus: SUCCEEDED, Result: {a: 1}}`, status: "SUCCEEDED", result: `{"a":1,"b":2}`, want: "result"},
		{reason: "a text is no number", expected: `{ExecutionStatus: SUCCEEDED, Result: 3}`, status: "SUCCEEDED", result: `"3"`, want: "result"},
		{reason: "decoded once", expected: `{ExecutionStatus: SUCCEEDED, Result: '"x"'}`, status: "SUCCEEDED", result: `"\"x\""`},
		{reason: "not JSON is a text", expected: `{ExecutionStatus: SUCCEEDED, Result: plain text}`, status: "SUCCEEDED", result: `plain text`},
		{reason: "nothing is null", expected: "{ExecutionStatus: SUCCEEDED, Result: }", status: "SUCCEEDED", none: true},
		{reason: "null is demanded", expected: "{ExecutionStatus: SUCCEEDED, Result: }", status: "SUCCEEDED", result: `""`, want: "result: want None"},
		{reason: "a result that is not mentioned", expected: "{ExecutionStatus: SUCCEEDED}", status: "SUCCEEDED", result: `1`},
		{reason: "of a failure only the status counts", expected: "{ExecutionStatus: FAILED, Result: 1}", status: "FAILED", none: true},
		{reason: "a variable", expected: "{ExecutionStatus: SUCCEEDED, Result: '${NAME}!'}", status: "SUCCEEDED", result: `"Kiro!"`},
		{reason: "a list is compared in order", expected: "{ExecutionStatus: SUCCEEDED, Result: [1, 2]}", status: "SUCCEEDED", result: `[2,1]`, want: "result"},
		{reason: "numbers are, whatever their form", expected: "{ExecutionStatus: SUCCEEDED, Result: [1, 2.0, 1]}", status: "SUCCEEDED", result: `[1.0,2,true]`},
		{reason: "nothing is special", expected: "{ExecutionStatus: SUCCEEDED, Result: {a: '*', b: {}}}", status: "SUCCEEDED", result: `{"a":1,"b":{"c":1}}`, want: "result"},
		{reason: "more than one value is no JSON", expected: "{ExecutionStatus: SUCCEEDED, Result: 1}", status: "SUCCEEDED", result: `1 2`, want: `result: want 1, got "1 2"`},
		{reason: "a status that is not named", expected: "{Result: 1}", status: "FAILED", result: `2`},
		{reason: "but the result is", expected: "{Result: 1}", status: "SUCCEEDED", result: `2`, want: "result: want 1, got 2"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			q, vars := read(t, "Variables: {NAME: Kiro}\nExpectedResult: "+tt.expected)
			result := []byte(tt.result)
			if tt.none {
				result = nil
			}
			expect(t, tt.want, vars.Outcome(q.Result, tt.status, result))
		})
	}
}

func TestLogRules(t *testing.T) {
	t.Parallel()
	logs := []conformance.Record{
		conformance.NewRecord(1, 0, `{"hook":"start","n":1,"live":true,"text":" a "}`),
		conformance.NewRecord(2, 1, `{"hook":"end","n":1}`),
		conformance.NewRecord(2, 2, `{"hook":"start","n":2}`),
		conformance.NewRecord(3, 3, ` plain Kiro `),
		conformance.NewRecord(4, 4, `{"hook":"same","n":1.5,"none":null,"list":[1,"a"],"deep":{"a":1,"b":2}}`),
		conformance.NewRecord(4, 4, `{"hook":"same","n":2.5}`),
	}
	tests := []struct{ reason, expected, want string }{
		{"at least one", `{match: {hook: start}}`, ""},
		{"none where one is needed", `{match: {hook: begin}}`, "want at least 1, got 0"},
		{"exactly", `{match: {hook: start}, count: 2}`, ""},
		{"too many", `{match: {hook: start}, count: 1}`, "want exactly 1, got 2"},
		{"none at all", `{match: {hook: start}, count: 0}`, "want exactly 0, got 2"},
		{"too few", `{match: {hook: end}, min_count: 2}`, "want at least 2, got 1"},
		{"enough", `{match: {hook: start}, min_count: 2}`, ""},
		{"more than the most", `{match: {hook: start}, max_count: 1}`, "want at most 1, got 2"},
		{"not more than the most", `{match: {hook: begin}, max_count: 1}`, ""},
		{"an exact number alone counts", `{match: {hook: start}, count: 2, min_count: 3, max_count: 1}`, ""},
		{"every field", `{match: {hook: start, n: 3}}`, "got 0"},
		{"a field that is missing", `{match: {hook: end, live: true}}`, "got 0"},
		{"a bool is the same bool", `{match: {live: true}}`, ""},
		{"not the other", `{match: {live: false}}`, "got 0"},
		{"the text of a bool", `{match: {live: "True"}}`, ""},
		{"is spelled one way", `{match: {live: "true"}}`, "got 0"},
		{"the text of a number", `{match: {n: "1"}, count: 2}`, ""},
		{"a number of another form", `{match: {n: 1.0}, count: 2}`, ""},
		{"a number is no other", `{match: {n: 3}}`, "got 0"},
		{"a bool is no number", `{match: {live: 1}}`, "got 0"},
		{"a number is no bool", `{match: {n: true}}`, "got 0"},
		{"null", `{match: {none: null}}`, ""},
		{"the text of null", `{match: {none: None}}`, ""},
		{"a list", `{match: {list: [1, a]}}`, ""},
		{"another list", `{match: {list: [1, b]}}`, "got 0"},
		{"an object, in whatever order", `{match: {deep: {b: 2, a: 1}}}`, ""},
		{"fields are those of the line, not of its objects", `{match: {a: 1}}`, "got 0"},
		{"a pattern sees any value as a text", `{match: {live: /^True$/, n: /^1$/}}`, ""},
		{"space is trimmed", `{match: {text: a}}`, ""},
		{"on both sides", `{match: {text: "a  "}}`, ""},
		{"before a pattern looks", `{match: {text: /^a$/}}`, ""},
		{"an empty pattern takes any value", `{match: {hook: //}, count: 5}`, ""},
		{"a slash is a text", `{match: {hook: /}}`, "got 0"},
		{"a line that is no object", `{match: {message: "plain ${NAME}"}}`, ""},
		{"a pattern with a variable", `{match: {message: "/${NAME}$/"}, count: 1}`, ""},
		{"after", `{match: {hook: end}, after: [{hook: start, n: 1}]}`, ""},
		{"not after all", `{match: {hook: end}, after: [{hook: start}]}`, "does not come after"},
		{"one line that it comes after needs no list", `{match: {hook: end}, after: {hook: start, n: 1}}`, ""},
		{"after one, not after the other", `{match: {hook: end}, after: [{n: 1, hook: start}, {hook: start}]}`, "does not come after"},
		{"after a line of the same time and arrival", `{match: {hook: same, n: 1.5}, after: {hook: same, n: 2.5}}`, ""},
		{"before it as well", `{match: {hook: same, n: 1.5}, before: {hook: same, n: 2.5}}`, ""},
		{"after itself", `{match: {hook: end}, after: {hook: end}}`, ""},
		{"before", `{match: {hook: end}, before: [{n: 2}]}`, ""},
		{"not before", `{match: {hook: start}, before: [{hook: end}]}`, "does not come before"},
		{"no line is before and after all", `{match: {hook: begin}, count: 0, after: {hook: end}, before: {hook: end}}`, ""},
		{"an anchor that is not there", `{match: {hook: end}, after: [{hook: begin}]}`, "there is no line"},
		{"nor for no line", `{match: {hook: begin}, count: 0, before: {hook: begin}}`, "there is no line"},
		{"a pattern of an anchor that is none", `{match: {hook: end}, before: {hook: "/(/"}}`, "the requirement's pattern"},
		{"a pattern that is none", `{match: {hook: "/(/"}}`, "the requirement's pattern"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			q, vars := read(t, "Variables: {NAME: Kiro}\nExpectedLogs: ["+tt.expected+"]")
			expect(t, tt.want, vars.Logs(q.Logs, logs))
		})
	}
}

func TestReadRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"ExpectedEventCount: 3", "ExpectedExecutionHistory: [{EventType: StepStarted}]",
		"CallbackActions: [{CallbackName: a, Operation: shout}]", "CallbackActions: [{Operation: success}]",
		"CallbackActions: [{CallbackName: a, Operation: success, Delay: -1}]",
		"ExpectedLogs: [{match: {a: 1}, exactly: 2}]", "ExpectedLogs: [{count: 2}]", "ExpectedLogs: [{match: [a]}]",
		"ExpectedLogs: [{match: {a: 1}, before: [{}]}]", "ExpectedLogs: [{match: {a: 1}, after: text}]",
		"ExpectedExecutionHistory: [text]", "ExpectedExecutionHistory: [{EventId: 0}]", "ExpectedExecutionHistory: [{EventId: 1.5}]",
		"ExpectedExecutionHistory: [{<<: {EventId: 1}}]", "ExpectedExecutionHistory: [{EventId: 1, [a]: 2}]", "",
	} {
		if _, err := conformance.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}
