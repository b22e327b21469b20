package conformance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// FuzzRequirement: a file is refused or judged, whatever is in it.
func FuzzRequirement(f *testing.F) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	for _, text := range []string{
		judged, "Input: &a [*a]", "Input: &a {b: *a}", "ExpectedResult: {Result: &a [1, *a]}",
		"Variables: {A: '${GEN_STR:99999999999}'}", "ExpectedExecutionHistory: [{EventId: 2, X: '${/(/}'}]",
		"ExpectedLogs: [{match: {a: '/(/'}, count: -1, before: {a: 1}}]", "{}", "[]", "a: [", "Input: .nan",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := conformance.Read(strings.NewReader(text))
		if err != nil {
			return
		}
		vars, err := conformance.NewVars(q.Variables, seed)
		if err != nil {
			return
		}
		var events []conformance.Object
		for _, line := range seen() {
			e, err := conformance.ReadObject([]byte(line))
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		o := &conformance.Observation{
			Status: "SUCCEEDED", Result: []byte(`{"got":1}`), History: events,
			Logs: []conformance.Record{conformance.NewRecord(1, 1, `{"a":1}`), conformance.NewRecord(1, 2, "a")},
		}
		first := vars.Compare(q, o)
		again, err := conformance.NewVars(q.Variables, seed)
		if err != nil {
			t.Fatal(err)
		}
		if second := again.Compare(q, o); strings.Join(first, "\n") != strings.Join(second, "\n") {
			t.Errorf("judged twice:\n%q\n%q", first, second)
		}
	})
}

// FuzzMatcher: an event is one that is expected in its own words, and is not if one of its values
// is another or missing.
func FuzzMatcher(f *testing.F) {
	for _, line := range seen() {
		f.Add(line)
	}
	for _, text := range []string{
		`{"a":[1,1.0,true,null,"x",{"b":[]}]}`, `{"a":1e999,"b":-0.0,"c":1E-7,"d":123456789012345678901234567890}`,
		`{"":{"":{"":""}}}`, `{"a":"*"}`, `{"a":{}}`, `{"a":"${X}","b":"${/x/}"}`, `{"a":"\ud800"}`, `{}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := conformance.ReadObject([]byte(text))
		if err != nil || len(e) == 0 {
			return
		}
		id, err := conformance.ReadObject([]byte(`{"EventId": 2}`))
		if err != nil {
			t.Fatal(err)
		}
		e["EventId"] = id["EventId"]
		match := func(want, got conformance.Object) []string {
			_, vars := read(t, "Variables: {X: 1}")
			return vars.History([]conformance.Object{want}, []conformance.Object{got})
		}
		if strings.Contains(text, "$") || strings.Contains(text, `\u`) {
			match(e, e) // it may be bound to anything; it must only end
			return
		}
		if problems := match(e, cloneObject(e)); len(problems) > 0 {
			t.Errorf("an event is not itself: %q", problems)
		}
		for _, p := range places(e, nil) {
			if in, ok := p.want.(map[string]any); p.want == "*" || ok && len(in) == 0 || p.keys[0] == "EventId" {
				continue
			}
			last := p.keys[len(p.keys)-1]
			other := cloneObject(e)
			parent(other, p.keys)[last] = []any{"another"}
			if problems := match(e, other); len(problems) == 0 {
				t.Errorf("%q may be another", p.keys)
			}
			delete(parent(other, p.keys), last)
			if problems := match(e, other); len(problems) == 0 {
				t.Errorf("%q may be missing", p.keys)
			}
		}
	})
}

// FuzzVariables: a text without variables stays, and one with others is expanded once.
func FuzzVariables(f *testing.F) {
	for _, text := range []string{"", "a", "${A}", "${A}${B}", "x${A}y${NONE}", "${${A}}", "$A", "${A", "${/A/}", "${a b}", "${GEN_STR:3}"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, value, text string) {
		vars, err := conformance.NewVars(conformance.Object{"A": value, "B": "b"}, seed)
		if err != nil {
			return
		}
		got := vars.Expand(text)
		a := vars.Expand("${A}")
		if want := strings.NewReplacer("${A}", a, "${B}", "b").Replace(text); got != want {
			t.Errorf("%q is expanded to %q, want %q", text, got, want)
		}
	})
}

// FuzzLogs: a line is one with all of its own fields, and not if one of them is another or missing.
func FuzzLogs(f *testing.F) {
	for _, line := range []string{
		`{"hook":"start","n":1,"live":true,"none":null}`, "plain", " plain ", `{"a":[1,{"b":"c"}],"d":1.50}`, `{"a":"/x/"}`, `{"a":"//"}`, "{", `[1]`, "",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r := conformance.NewRecord(1, 1, line)
		_, vars := read(t, "{}")
		one := 1
		judge := func(want conformance.Object, got conformance.Record) []string {
			return vars.Logs([]conformance.Line{{Match: want, Count: &one}}, []conformance.Record{got})
		}
		if strings.ContainsAny(line, "$/") {
			judge(r.Fields, r) // a pattern may be about anything; it must only end
			return
		}
		if problems := judge(r.Fields, r); len(problems) > 0 {
			t.Errorf("a line has not its own fields: %q", problems)
		}
		for key := range r.Fields {
			other := r
			other.Fields = cloneObject(r.Fields)
			other.Fields[key] = []any{"another \x00"}
			if len(judge(r.Fields, other)) == 0 {
				t.Errorf("%q may be another", key)
			}
			delete(other.Fields, key)
			if len(judge(r.Fields, other)) == 0 {
				t.Errorf("%q may be missing", key)
			}
		}
	})
}
