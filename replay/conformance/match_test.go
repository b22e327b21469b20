package conformance_test

import (
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// TestMatchingRules: one value of an event, as it is expected in YAML and as it is in JSON.
func TestMatchingRules(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, want, got string
		problem           string // part of the only problem; none: no problem
	}{
		{"{} takes null", "{}", "null", ""},
		{"* takes null", "'*'", "null", ""},
		{"a star in a text is a star", "'*x'", `"y"`, "want"},
		{"[] is no {}", "[]", "[1]", "want"},
		{"an empty list", "[]", "[]", ""},
		{"a list is compared in order", "[1, 2, 2]", "[2, 2, 2]", "X[0]: want 1, got 2"},
		{"a list is no object", "[a]", `{"a": 1}`, "X: want"},
		{"an object is no list", "{a: 1}", "[1]", "X: want"},
		{"an object is not null", "{a: 1}", "null", "X: want"},
		{"members that are not expected do not count", "{a: 1}", `{"a": 1, "b": 2}`, ""},
		{"an expected member is there, even if null", "{a: }", `{}`, "the key a is missing"},
		{"null is null", "", "null", ""},
		{"null is not false", "", "false", "want None, got False"},
		{"null is no text", "null", `""`, "X: want None"},

		{"1 is 1.0", "1", "1.0", ""},
		{"1.0 is 1", "1.0", "1", ""},
		{"1 is true", "1", "true", ""},
		{"true is 1.0", "true", "1.0", ""},
		{"false is 0", "false", "0", ""},
		{"true is not 2", "true", "2", "want True, got 2"},
		{"true is no text", "true", `"True"`, "X: want True"},
		{"yes is true", "yes", "true", ""},
		{"'yes' is a text", "'yes'", `"yes"`, ""},
		{"off is false", "Off", "false", ""},
		{"1 is no text", "1", `"1"`, `X: want 1, got "1"`},
		{"a text is no number", "'1'", "1", `X: want "1", got 1`},
		{"integers are exact", "9007199254740993", "9007199254740992", "X: want 9007199254740993"},
		{"however large", "123456789012345678901234567890", "123456789012345678901234567890", ""},
		{"an integer is compared with a float exactly", "9007199254740993", "9007199254740992.0", "X: want"},
		{"text is compared as it is", "a", `"A"`, "X: want"},
		{"with its space", "'a '", `"a"`, "X: want"},

		{"a variable that is declared is a text", "'${N}'", "7", `X: want "7", got 7`},
		{"and compares as one", "'${N}'", `"7"`, ""},
		{"a variable that is not is bound to any value", "'${NEW}'", `{"a": [1]}`, ""},
		{"so is one with a name that no text may have inside", "'${NEW-1}'", "1", ""},
		{"a variable in a text is replaced", "'<${N}>'", `"<7>"`, ""},
		{"one that is not bound stays", "'<${NEW}>'", `"<${NEW}>"`, ""},
		{"a text of two variables is compared", "'${N}${N}'", `"77"`, ""},
		{"and not bound", "'${N}${N}'", `"78"`, "X: want"},

		{"a pattern is found anywhere", "'${/b/}'", `"abc"`, ""},
		{"not found", "'${/^b/}'", `"abc"`, "X: want"},
		{"the text of null", "'${/^None$/}'", "null", ""},
		{"the text of true", "'${/^True$/}'", "true", ""},
		{"the text of false", "'${/^False$/}'", "false", ""},
		{"the text of an integer", "'${/^[0-5]$/}'", "5", ""},
		{"the text of a float", "'${/^1\\.0$/}'", "1.0", ""},
		{"the text of a large float", "'${/^1e\\+16$/}'", "1e16", ""},
		{"the text of one not so large", "'${/^1000000000000000\\.0$/}'", "1e15", ""},
		{"the text of a small float", "'${/^1e-05$/}'", "0.00001", ""},
		{"the text of one not so small", "'${/^0\\.0001$/}'", "0.0001", ""},
		{"the text of a float that is infinite", "'${/^inf$/}'", "1e999", ""},
		{"the text of a list", "'${/^\\[1, ''a'', None\\]$/}'", `[1, "a", null]`, ""},
		{"the text of an object", "'${/^\\{''a'': \\[\\], \"b''\": True\\}$/}'", `{"b'": true, "a": []}`, ""},
		{"what cannot be printed is escaped in the text of a list", `'${/^\[''\\n\\t\\r\\x00\\u2028\\\\é''\]$/}'`, `["\n\t\r\u0000\u2028\\é"]`, ""},
		{"a pattern has no variables", "'${/${N}/}'", `"7"`, "X: want"},
		{"without a pattern it is a variable", "'${//}'", "1", ""},
		{"a pattern that is none", "'${/(/}'", `"("`, "the requirement's pattern"},
		{"a pattern that looks ahead", "'${/a(?=b)/}'", `"ab"`, ""},
		{"a pattern that looks ahead in vain", "'${/a(?=b)/}'", `"ac"`, "X: want"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			q, vars := read(t, "Variables: {N: 7}\nExpectedExecutionHistory:\n- EventId: 2\n  X: "+tt.want)
			expect(t, tt.problem, vars.History(q.History, history(t, `{"EventId": 2, "X": `+tt.got+`}`)))
		})
	}
}

// TestBoundVariables: a variable is bound by what is seen first, and known to all that comes after.
func TestBoundVariables(t *testing.T) {
	t.Parallel()
	const text = `
ExpectedExecutionHistory:
- {EventId: 2, Id: "${ID}", N: "${N}"}
- {EventId: 3, ParentId: "${ID}", Name: "of ${ID}", N: "${N}"}
ExpectedResult: {ExecutionStatus: SUCCEEDED, Result: {id: "${ID}", n: "<${N}>", list: ["${ID}"], "${ID}": 1}}
ExpectedLogs:
- {match: {op: "${ID}", message: "/^${ID}!/"}, count: 1, after: {op: "a ${N}"}}
`
	tests := []struct{ reason, old, new, problem string }{
		{reason: "as it is"},
		{reason: "another one in the next event", old: `"ParentId": "i"`, new: `"ParentId": "j"`, problem: "event 3"},
		{reason: "a text with it", old: "of i", new: "of j", problem: "event 3"},
		{reason: "a number is bound as one", old: `"Name": "of i", "N": 1.0`, new: `"Name": "of i", "N": "1"`, problem: "event 3"},
		{reason: "in the result", old: `"id": "i"`, new: `"id": "j"`, problem: "result"},
		{reason: "inside the result", old: `<1>`, new: `<2>`, problem: "result"},
		{reason: "in a list of the result", old: `["i"]`, new: `["j"]`, problem: "result"},
		{reason: "not in a name of the result", old: `"${ID}": 1`, new: `"i": 1`, problem: "result"},
		{reason: "in the log", old: `"op": "i"`, new: `"op": "j"`, problem: "want exactly 1, got 0"},
		{reason: "in a pattern of the log", old: `"i!"`, new: `"j!"`, problem: "want exactly 1, got 0"},
		{reason: "in a line that others come after", old: `"a 1"`, new: `"a 2"`, problem: "there is no line"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			seen := `{"EventId": 2, "Id": "i", "N": 1}
{"EventId": 3, "ParentId": "i", "Name": "of i", "N": 1.0}
{"id": "i", "n": "<1>", "list": ["i"], "${ID}": 1}
{"op": "a 1"}
{"op": "i", "message": "i!"}`
			if !strings.Contains(seen, tt.old) {
				t.Fatalf("nothing holds %s", tt.old)
			}
			parts := strings.Split(strings.Replace(seen, tt.old, tt.new, 1), "\n")
			q, vars := read(t, text)
			expect(t, tt.problem, vars.Compare(q, &conformance.Observation{
				Status: "SUCCEEDED", History: history(t, parts[0]+"\n"+parts[1]), Result: []byte(parts[2]),
				Logs: []conformance.Record{conformance.NewRecord(1, 0, parts[3]), conformance.NewRecord(1, 1, parts[4])},
			}))
		})
	}
}
