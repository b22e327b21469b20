package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
)

type limitError struct {
	Limit int
	Note  string
	Cause error

	secret string
}

func (e *limitError) Error() string { return fmt.Sprintf("limit %d", e.Limit) }
func (e *limitError) Unwrap() error { return e.Cause }

type valueError struct{ Codes []string }

func (e valueError) Error() string { return strings.Join(e.Codes, ",") }

type codeError int

func (e codeError) Error() string { return strconv.Itoa(int(e)) }

type countError int

func (e *countError) Error() string { return strconv.Itoa(int(*e)) }

type funcError struct{ F func() }

func (e *funcError) Error() string { return "func" }

// ownError has JSON methods of its own that fail as they are set up to.
type ownError struct{ text string }

func (e *ownError) Error() string { return e.text }

func (e *ownError) MarshalJSON() ([]byte, error) {
	switch e.text {
	case "panic":
		panic("no JSON")
	case "invalid":
		return []byte("\"\xff\""), nil
	}

	return json.Marshal(e.text)
}

func (e *ownError) UnmarshalJSON(p []byte) error {
	if string(p) == `"boom"` {
		panic("no error")
	}

	return json.Unmarshal(p, &e.text)
}

// nosyError looks into the errors it is compared with, and fails at that.
type nosyError struct{}

func (nosyError) Error() string { return "nosy" }
func (nosyError) Is(error) bool { panic("no comparison") }
func (nosyError) As(any) bool   { panic("no conversion") }

func TestSentinelRestoresTheSameValue(t *testing.T) {
	t.Parallel()

	known := codec.Sentinel("broken", errBroken)

	tests := []struct {
		reason string
		err    error
		want   bool
	}{
		{reason: "the value itself", err: errBroken, want: true},
		{reason: "wrapped", err: fmt.Errorf("charge: %w", errBroken), want: true},
		{reason: "joined", err: errors.Join(io.EOF, errBroken), want: true},
		{reason: "another value of the same text", err: errors.New("broken")},
		{reason: "no error", err: nil},
		{reason: "an error whose methods panic", err: nosyError{}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			data, ok := known.Match(tt.err)
			if ok != tt.want || data != "" {
				t.Errorf("Match = %q, %t, want \"\", %t", data, ok, tt.want)
			}

			if got := known.Restore(data); got != errBroken { //nolint:errorlint // the very value
				t.Errorf("Restore = %v, want %v", got, errBroken)
			}
		})
	}
}

func TestErrorTypeRestoresAnEqualValue(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason   string
		known    codec.KnownError
		err      error
		wantData string
		want     error
	}{
		{
			reason: "a pointer to a struct", known: codec.ErrorType[*limitError]("limit"),
			err:      fmt.Errorf("charge: %w", &limitError{Limit: 3, Note: "<b>"}),
			wantData: `{"Limit":3,"Note":"<b>","Cause":null}`,
			want:     &limitError{Limit: 3, Note: "<b>"},
		},
		{
			reason: "unexported fields are lost, and causes too", known: codec.ErrorType[*limitError]("limit"),
			err:      &limitError{Limit: 3, Note: "n", Cause: io.EOF, secret: "s"},
			wantData: `{"Limit":3,"Note":"n","Cause":{}}`,
			want:     &limitError{Limit: 3, Note: "n"},
		},
		{
			reason: "a nil pointer comes back as a pointer to the zero value", known: codec.ErrorType[*limitError]("limit"),
			err:      (*limitError)(nil),
			wantData: `null`,
			want:     &limitError{},
		},
		{
			reason: "a struct", known: codec.ErrorType[valueError]("value"),
			err:      valueError{Codes: []string{"a"}},
			wantData: `{"Codes":["a"]}`,
			want:     valueError{Codes: []string{"a"}},
		},
		{
			reason: "a number", known: codec.ErrorType[codeError]("code"),
			err: codeError(7), wantData: `7`, want: codeError(7),
		},
		{
			reason: "a value that JSON cannot say keeps its type", known: codec.ErrorType[*funcError]("func"),
			err: &funcError{F: func() {}}, wantData: ``, want: &funcError{},
		},
		{
			reason: "JSON of its own", known: codec.ErrorType[*ownError]("own"),
			err: &ownError{"stop"}, wantData: `"stop"`, want: &ownError{"stop"},
		},
		{
			reason: "JSON of its own that panics", known: codec.ErrorType[*ownError]("own"),
			err: &ownError{"panic"}, wantData: ``, want: &ownError{},
		},
		{
			reason: "JSON of its own that is not UTF-8", known: codec.ErrorType[*ownError]("own"),
			err: &ownError{"invalid"}, wantData: ``, want: &ownError{},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			data, ok := tt.known.Match(tt.err)
			if !ok {
				t.Fatalf("Match(%T) found nothing", tt.err)
			}

			if diff := cmp.Diff(tt.wantData, data); diff != "" {
				t.Errorf("data (-want +got):\n%s", diff)
			}

			got := tt.known.Restore(data)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(limitError{}, ownError{})); diff != "" {
				t.Errorf("restored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorTypeRestoresAnyData(t *testing.T) {
	t.Parallel()

	limit := codec.ErrorType[*limitError]("limit")

	tests := []struct {
		reason string
		known  codec.KnownError
		data   string
		want   error
	}{
		{reason: "no data", known: limit, data: "", want: &limitError{}},
		{reason: "null would be a nil pointer", known: limit, data: " null\n", want: &limitError{}},
		{reason: "data of another type", known: limit, data: `[1]`, want: &limitError{}},
		{reason: "data that is not JSON", known: limit, data: `{"Limit":`, want: &limitError{}},
		{reason: "a field of another type", known: limit, data: `{"Limit":"x","Note":"n"}`, want: &limitError{Note: "n"}},
		{reason: "no data for a struct", known: codec.ErrorType[valueError]("value"), data: "", want: valueError{}},
		{reason: "no data for a number", known: codec.ErrorType[codeError]("code"), data: "", want: codeError(0)},
		{reason: "no data for a pointer to a number", known: codec.ErrorType[*countError]("code"), data: "", want: new(countError(0))},
		{reason: "JSON of its own that fails", known: codec.ErrorType[*ownError]("own"), data: `1`, want: &ownError{}},
		{reason: "JSON of its own that panics", known: codec.ErrorType[*ownError]("own"), data: `"boom"`, want: &ownError{}},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got := tt.known.Restore(tt.data)
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(limitError{}, ownError{})); diff != "" {
				t.Errorf("restored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorTypeMatchesItsTypeAlone(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		known  codec.KnownError
		err    error
	}{
		{reason: "another type", known: codec.ErrorType[*limitError]("limit"), err: errBroken},
		{reason: "a pointer is not its struct", known: codec.ErrorType[valueError]("value"), err: &valueError{}},
		{reason: "no error", known: codec.ErrorType[*limitError]("limit"), err: nil},
		{reason: "an error whose methods panic", known: codec.ErrorType[*limitError]("limit"), err: nosyError{}},
		{reason: "a nil error whose Unwrap panics", known: codec.Sentinel("broken", errBroken), err: (*limitError)(nil)},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if data, ok := tt.known.Match(tt.err); ok {
				t.Errorf("Match = %q, true, want no match", data)
			}
		})
	}
}

func TestKnownErrorReportsBadRegistrations(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		known  codec.KnownError
		want   string // empty: valid
	}{
		{reason: "a sentinel", known: codec.Sentinel("broken", errBroken)},
		{reason: "a type", known: codec.ErrorType[*limitError]("limit")},
		{reason: "the longest name of every printable character", known: codec.Sentinel(" ~"+strings.Repeat("x", 254), errBroken)},
		{
			reason: "the zero value", known: codec.KnownError{},
			want: "codec: the zero KnownError names no error: make it with codec.Sentinel or codec.ErrorType",
		},
		{
			reason: "no name", known: codec.Sentinel("", errBroken),
			want: `codec: name "" of a known error: use 1 to 256 printable ASCII characters`,
		},
		{
			reason: "no name for a type", known: codec.ErrorType[*limitError](""),
			want: `codec: name "" of a known error: use 1 to 256 printable ASCII characters`,
		},
		{
			reason: "a name that is too long", known: codec.Sentinel(strings.Repeat("x", 257), errBroken),
			want: `codec: name "` + strings.Repeat("x", 257) + `" of a known error: use 1 to 256 printable ASCII characters`,
		},
		{
			reason: "a name that is not ASCII", known: codec.Sentinel("é", errBroken),
			want: `codec: name "é" of a known error: use 1 to 256 printable ASCII characters`,
		},
		{
			reason: "a name that is not printable", known: codec.Sentinel("a\x7f", errBroken),
			want: `codec: name "a\x7f" of a known error: use 1 to 256 printable ASCII characters`,
		},
		{
			reason: "a nil sentinel", known: codec.Sentinel("broken", nil),
			want: `codec: Sentinel "broken": the error is nil: pass the value that errors.Is looks for`,
		},
		{
			reason: "an interface cannot be made again", known: codec.ErrorType[error]("any"),
			want: `codec: ErrorType "any": error is an interface: name a type that implements it`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			err := tt.known.Err()
			if tt.want == "" {
				if err != nil {
					t.Errorf("Err = %v, want none", err)
				}

				return
			}

			if err == nil {
				t.Fatalf("Err = nil, want %s", tt.want)
			}

			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Errorf("Err (-want +got):\n%s", diff)
			}

			if _, ok := tt.known.Match(errBroken); ok {
				t.Error("an invalid registration matched")
			}

			if got := tt.known.Restore(""); got != nil {
				t.Errorf("an invalid registration restored %v", got)
			}
		})
	}
}
