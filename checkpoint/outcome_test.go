package checkpoint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
)

func TestEncodeOutcome(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason  string
		outcome checkpoint.Outcome
		want    string
	}{
		{
			"a result is a JSON document in a string, without escaping HTML",
			checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Result: []byte(`{"total":12,"html":"<a&b>"}`)},
			`{"Status":"SUCCEEDED","Result":"{\"total\":12,\"html\":\"<a&b>\"}"}`,
		},
		{
			"no result",
			checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded},
			`{"Status":"SUCCEEDED"}`,
		},
		{
			"the result was checkpointed",
			checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Result: []byte{}},
			`{"Status":"SUCCEEDED","Result":""}`,
		},
		{
			"a failure",
			checkpoint.Outcome{Status: checkpoint.OutcomeFailed, Failure: &checkpoint.Failure{
				Type: "StepError", Message: "card \"declined\"\n", Data: "{}", Stack: []string{"f", "g"},
			}},
			`{"Status":"FAILED","Error":{"ErrorType":"StepError","ErrorMessage":"card \"declined\"\n",` +
				`"ErrorData":"{}","StackTrace":["f","g"]}}`,
		},
		{
			"all fields of a failure are optional",
			checkpoint.Outcome{Status: checkpoint.OutcomeFailed, Failure: &checkpoint.Failure{}},
			`{"Status":"FAILED","Error":{}}`,
		},
		{"a failure without a reason", checkpoint.Outcome{Status: checkpoint.OutcomeFailed}, `{"Status":"FAILED"}`},
		{"waiting", checkpoint.Outcome{Status: checkpoint.OutcomePending}, `{"Status":"PENDING"}`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, err := checkpoint.EncodeOutcome(tt.outcome)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestOutcomesThatTheServiceRefuses(t *testing.T) {
	t.Parallel()
	result, failure := []byte("1"), &checkpoint.Failure{}
	tests := []struct {
		reason  string
		outcome checkpoint.Outcome
	}{
		{"no status", checkpoint.Outcome{Result: result}},
		{"a status of executions only", checkpoint.Outcome{Status: "RUNNING"}},
		{"FAILED with a result", checkpoint.Outcome{Status: checkpoint.OutcomeFailed, Result: result}},
		{"FAILED with an empty result", checkpoint.Outcome{Status: checkpoint.OutcomeFailed, Result: []byte{}}},
		{"SUCCEEDED with a failure", checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Failure: failure}},
		{"PENDING with a result", checkpoint.Outcome{Status: checkpoint.OutcomePending, Result: result}},
		{"PENDING with a failure", checkpoint.Outcome{Status: checkpoint.OutcomePending, Failure: failure}},
		{"a result that JSON would change", checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Result: []byte("\xff")}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, err := checkpoint.EncodeOutcome(tt.outcome)
			if err == nil || errors.Is(err, checkpoint.ErrTooLarge) {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestLargestResult(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		result []byte
		fits   bool
	}{
		{"the largest result", bytes.Repeat([]byte("1"), checkpoint.MaxResult), true},
		{"one byte more", bytes.Repeat([]byte("1"), checkpoint.MaxResult+1), false},
		{"a result that grows too large when it is quoted", bytes.Repeat([]byte(`"`), checkpoint.MaxResult/2+20), false},
		{"a result that just fits when it is quoted", bytes.Repeat([]byte(`"`), checkpoint.MaxResult/2), true},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, err := checkpoint.EncodeOutcome(checkpoint.Outcome{Status: checkpoint.OutcomeSucceeded, Result: tt.result})
			if fits := err == nil; fits != tt.fits {
				t.Errorf("error %v", err)
			}
			if err != nil && !errors.Is(err, checkpoint.ErrTooLarge) {
				t.Errorf("error %v, want ErrTooLarge", err)
			}
			if len(got) > checkpoint.MaxResponse {
				t.Errorf("%d bytes", len(got))
			}
		})
	}
}

// envelope is the answer of a function as encoding/json reads it.
type envelope struct {
	Status string
	Error  struct {
		ErrorType, ErrorMessage, ErrorData string
		StackTrace                         []string
	}
}

func TestLargeFailuresAreCut(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	tests := []struct {
		reason  string
		failure checkpoint.Failure
		want    checkpoint.Failure // of texts, the beginning that must be left
	}{
		{
			"what fits stays",
			checkpoint.Failure{Type: "T", Message: "m", Data: strings.Repeat("d", 5*mib), Stack: []string{"f"}},
			checkpoint.Failure{Type: "T", Message: "m", Data: strings.Repeat("d", 5*mib), Stack: []string{"f"}},
		},
		{
			"the stack goes first",
			checkpoint.Failure{Type: "T", Message: "m", Data: strings.Repeat("d", 5*mib), Stack: []string{strings.Repeat("f", mib)}},
			checkpoint.Failure{Type: "T", Message: "m", Data: strings.Repeat("d", 5*mib)},
		},
		{
			"then the data is shortened",
			checkpoint.Failure{Type: "T", Message: strings.Repeat("m", mib), Data: strings.Repeat("\n", 7*mib)},
			checkpoint.Failure{Type: "T", Message: strings.Repeat("m", mib), Data: strings.Repeat("\n", 5*mib/2-100)},
		},
		{
			"then the message, at the border of a character",
			checkpoint.Failure{Type: "T", Message: strings.Repeat("€", 3*mib), Data: strings.Repeat("d", mib)},
			checkpoint.Failure{Type: "T", Message: strings.Repeat("€", 2*mib-60)},
		},
		{
			"at last the type",
			checkpoint.Failure{Type: strings.Repeat("T", 7*mib), Message: strings.Repeat("m", 7*mib), Data: "d"},
			checkpoint.Failure{Type: strings.Repeat("T", 6*mib-200)},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			b, err := checkpoint.EncodeOutcome(checkpoint.Outcome{Status: checkpoint.OutcomeFailed, Failure: &tt.failure})
			if err != nil {
				t.Fatal(err)
			}
			var got envelope
			if err := json.Unmarshal(b, &got); err != nil {
				t.Fatal(err)
			}
			if len(b) > checkpoint.MaxResult || got.Status != "FAILED" {
				t.Errorf("%d bytes of status %s", len(b), got.Status)
			}
			for _, text := range []struct{ field, want, all, got string }{
				{"type", tt.want.Type, tt.failure.Type, got.Error.ErrorType},
				{"message", tt.want.Message, tt.failure.Message, got.Error.ErrorMessage},
				{"data", tt.want.Data, tt.failure.Data, got.Error.ErrorData},
			} {
				if !strings.HasPrefix(text.got, text.want) || !strings.HasPrefix(text.all, text.got) || !utf8.ValidString(text.got) {
					t.Errorf("%s has %d bytes of %d, want at least %d", text.field, len(text.got), len(text.all), len(text.want))
				}
			}
			if diff := cmp.Diff(tt.want.Stack, got.Error.StackTrace); diff != "" {
				t.Errorf("stack (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailuresFitAnyLimit(t *testing.T) {
	t.Parallel()
	size := func(f *checkpoint.Failure) int {
		b, err := checkpoint.EncodeOutcome(checkpoint.Outcome{Status: checkpoint.OutcomeFailed, Failure: f})
		if err != nil {
			return -1
		}
		return len(b) - len(`{"Status":"FAILED","Error":}`)
	}
	p := properties(500)
	p.Property("a failure fits, is whole if it can be, and keeps the beginning of its texts", prop.ForAll(
		func(typ, message, data string, stack []string, limit int) bool {
			f := &checkpoint.Failure{Type: typ, Message: message, Data: data, Stack: stack}
			got := f.Fit(limit)
			return size(got) <= limit && (got == f) == (size(f) <= limit) &&
				strings.HasPrefix(f.Type, got.Type) && strings.HasPrefix(f.Message, got.Message) &&
				strings.HasPrefix(f.Data, got.Data) && (len(got.Stack) == 0 || got == f) &&
				got.Fit(limit) == got
		},
		gen.AnyString(), gen.AnyString(), gen.AnyString(), gen.SliceOfN(2, gen.AnyString()), gen.IntRange(2, 300)))
	p.TestingRun(t)
}

// The envelope must be read by services in any language, so its strings are those of encoding/json.
func FuzzEncodeOutcome(f *testing.F) {
	for _, s := range []string{"", "a\"b\\c", "\x00\x1f\x7f\b\f\n\r\t", "größe 😀", "\u2028\u2029", "<&>", "\xff\xe2\x82"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b, err := checkpoint.EncodeOutcome(checkpoint.Outcome{
			Status: checkpoint.OutcomeFailed, Failure: &checkpoint.Failure{Message: "x" + s},
		})
		if err != nil {
			t.Fatal(err)
		}
		var want bytes.Buffer
		e := json.NewEncoder(&want)
		e.SetEscapeHTML(false)
		if err := e.Encode("x" + s); err != nil {
			t.Fatal(err)
		}
		text := `{"Status":"FAILED","Error":{"ErrorMessage":` + strings.TrimSuffix(want.String(), "\n") + `}}`
		if diff := cmp.Diff(text, string(b)); diff != "" {
			t.Errorf("(-encoding/json +got):\n%s", diff)
		}
	})
}
