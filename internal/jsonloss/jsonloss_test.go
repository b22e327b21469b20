package jsonloss_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/internal/jsonloss"
)

func TestLost(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, recorded, again string
		want                    []string
	}{
		{"the same", `{"a":1}`, `{"a":1}`, nil},
		{"white space and order", `{"a":1, "b":2}`, `{"b":2,"a":1}`, nil},
		{"a member goes", `{"a":1,"b":2}`, `{"a":1}`, []string{".b"}},
		{"a tag is renamed", `{"amount":5}`, `{"total":0}`, []string{".amount"}},
		{"a field is added", `{"a":1}`, `{"a":1,"b":0}`, nil},
		{"a field moves into a struct", `{"a":1,"b":2}`, `{"a":1,"in":{"b":0}}`, []string{".b"}},
		{"within arrays, once", `[{"a":1},{"a":2}]`, `[{},{}]`, []string{"[].a"}},
		{"an element goes", `{"a":[1,2,3]}`, `{"a":[1,2]}`, []string{".a[2]"}},
		{"names that differ in case are one", `{"Amount":5}`, `{"amount":5}`, nil},
		{"an empty value that omitempty leaves out", `{"a":"","b":null,"c":0,"d":false,"e":[],"f":{"g":0}}`, `{}`, nil},
		{"a number that does not fit", `{"a":9007199254740993}`, `{"a":9007199254740992}`, []string{".a"}},
		{"a number in another form", `{"a":1.50e0}`, `{"a":1.5}`, nil},
		{"a number that is the text", `9007199254740993`, `9007199254740992`, []string{"."}},
		{"another kind of value is the type's business", `{"a":{"b":1}}`, `{"a":"b=1"}`, nil},
		{"a text that is no JSON", `a`, `b`, nil},
		{"two values", `1 2`, `1`, nil},
		{"nothing", ``, `{}`, nil},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, jsonloss.Lost([]byte(tt.recorded), []byte(tt.again))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, recorded, again string
		want                    bool
	}{
		{"nothing for a struct", ``, `{"a":0}`, true},
		{"null for a struct", `null`, `{"a":0}`, true},
		{"an empty object for a struct", ` {} `, `{"a":0}`, true},
		{"an empty object for an empty struct", `{}`, `{}`, false},
		{"a field was added", `{"a":1}`, `{"a":1,"b":0}`, false},
		{"null for a pointer", `null`, `null`, false},
		{"a string", `"a"`, `"a"`, false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if got := jsonloss.Absent([]byte(tt.recorded), []byte(tt.again)); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

// FuzzLost sees that a text loses nothing to itself, in whatever form, and that no text breaks it.
func FuzzLost(f *testing.F) {
	f.Add(`{"a":[1,{"b":null}]}`, `{"A":[1.0]}`)
	f.Fuzz(func(t *testing.T, recorded, again string) {
		_ = jsonloss.Lost([]byte(recorded), []byte(again))
		_ = jsonloss.Absent([]byte(recorded), []byte(again))
		var v any
		if json.Unmarshal([]byte(recorded), &v) != nil {
			return
		}
		raw := json.RawMessage(recorded)
		indented, err := json.MarshalIndent(raw, "", " ")
		if err != nil {
			return
		}
		if lost := jsonloss.Lost([]byte(recorded), indented); lost != nil {
			t.Errorf("%s loses %v to itself", recorded, lost)
		}
	})
}
