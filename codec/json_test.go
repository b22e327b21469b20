package codec_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
)

type order struct {
	ID    string            `json:"id"`
	Total int64             `json:"total"`
	Tags  []string          `json:"tags"`
	Notes map[string]string `json:"notes"`
	Gift  *string           `json:"gift"`
	At    time.Time         `json:"at"`
}

func TestJSONWritesPlainJSON(t *testing.T) {
	t.Parallel()

	text, html := "paid", "<a href='x'>&</a>"
	var none *string

	tests := []struct {
		reason string
		v      any
		want   string
	}{
		{reason: "no value is null", v: nil, want: `null`},
		{reason: "no trailing newline", v: 42, want: `42`},
		{reason: "an empty struct", v: struct{}{}, want: `{}`},
		{reason: "bytes are base64", v: []byte("hi"), want: `"aGk="`},
		{reason: "HTML is left alone in a struct", v: struct{ A string }{html}, want: `{"A":"<a href='x'>&</a>"}`},
		{reason: "HTML is left alone in a slice", v: []string{html}, want: `["<a href='x'>&</a>"]`},
		{reason: "a string", v: text, want: `"paid"`},
		{reason: "a pointer to a string", v: &text, want: `"paid"`},
		{reason: "a nil pointer to a string", v: none, want: `null`},
		{reason: "an empty string", v: "", want: `""`},
		{reason: "quotes and backslashes", v: `a"b\c/`, want: `"a\"b\\c/"`},
		{reason: "control characters", v: "\b\f\n\r\t\x00\x1f\x7f", want: `"\b\f\n\r\t\u0000\u001f` + "\x7f" + `"`},
		{reason: "line separators of JavaScript", v: "a\u2028b\u2029c", want: `"a\u2028b\u2029c"`},
		{reason: "text beyond ASCII stands as it is", v: "é世😀", want: `"é世😀"`},
		{
			reason: "bytes that are not UTF-8 stand as encoding/json writes them", v: "a\xffb\xed\xa0\x80",
			want: strings.ReplaceAll(`"a?b???"`, "?", invalid(t)),
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got, err := codec.Encode(t.Context(), codec.JSON(), charge, tt.v)
			checkError(t, err, "", false, nil)

			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

// invalid is what encoding/json writes for a byte that is not UTF-8.
func invalid(t *testing.T) string {
	t.Helper()
	p, err := json.Marshal("\xff")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Trim(string(p), `"`)
}

func TestJSONReadsStrings(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason  string
		payload string
		want    string
		fails   bool // with the error of encoding/json, whose words differ between versions of Go
	}{
		{reason: "no payload was recorded", payload: ``, want: ""},
		{reason: "null leaves the zero value", payload: ` null `, want: ""},
		{reason: "an empty string", payload: `""`, want: ""},
		{reason: "plain text", payload: `"paid"`, want: "paid"},
		{reason: "white space around", payload: " \t\r\n\"paid\"\n", want: "paid"},
		{reason: "every short escape", payload: `"\"\\\/\b\f\n\r\t"`, want: "\"\\/\b\f\n\r\t"},
		{reason: "a code unit, digits in both cases", payload: `"\u00e9\u00E9\u4E16"`, want: "éé世"},
		{reason: "a surrogate pair", payload: `"\ud83d\ude00"`, want: "😀"},
		{reason: "half a pair at the end", payload: `"\ud83d"`, want: "\uFFFD"},
		{reason: "half a pair before text", payload: `"\ud83dx"`, want: "\uFFFDx"},
		{reason: "half a pair before another escape", payload: `"\ud83d\n"`, want: "\uFFFD\n"},
		{reason: "two first halves and a second", payload: `"\ud83d\ud83d\ude00"`, want: "\uFFFD😀"},
		{reason: "the halves in the wrong order", payload: `"\ude00\ud83d"`, want: "\uFFFD\uFFFD"},
		{reason: "bytes that are not UTF-8", payload: "\"a\xff\xfeb\"", want: "a\uFFFD\uFFFDb"},
		{
			reason: "an unknown escape", payload: `"\x"`,
			fails: true,
		},
		{
			reason: "a code unit that is cut off", payload: `"\u12"`,
			fails: true,
		},
		{
			reason: "a control character", payload: "\"a\nb\"",
			fails: true,
		},
		{
			reason: "a quote that is escaped does not end the string", payload: `"a\"`,
			fails: true,
		},
		{
			reason: "a lone quote", payload: `"`,
			fails: true,
		},
		{
			reason: "two strings", payload: `"a""b"`,
			fails: true,
		},
		{
			reason: "another type", payload: `42`,
			fails: true,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var got, plain string
			wantErr := ""
			if err := json.Unmarshal([]byte(tt.payload), &plain); tt.fails {
				wantErr = `codec: decode result of "charge": ` + err.Error()
			}

			err := codec.Decode(t.Context(), codec.JSON(), charge, []byte(tt.payload), &got)
			checkError(t, err, wantErr, true, nil)

			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}

			var p *string

			err = codec.Decode(t.Context(), codec.JSON(), charge, []byte(tt.payload), &p)
			checkError(t, err, wantErr, true, nil)

			if p != nil && *p != tt.want {
				t.Errorf("value behind a pointer = %q, want %q", *p, tt.want)
			}
		})
	}
}

func TestJSONReadsAbsentAndOtherPayloads(t *testing.T) {
	t.Parallel()

	var (
		text, kept = "old", "old"
		there      = &kept
		gone       = &text
		o          order
		n          int
		nilString  *string
		nilPointer **string
	)

	tests := []struct {
		reason  string
		payload string
		target  any
		want    any
		wantErr string
	}{
		{reason: "an absent payload fits any target", payload: "", target: &o, want: &order{}},
		{reason: "null fits a struct", payload: "null", target: &o, want: &order{}},
		{reason: "null fits a number", payload: "null", target: &n, want: new(int)},
		{reason: "null clears a pointer", payload: "null", target: &gone, want: new(*string)},
		{reason: "a pointer that is there is written through", payload: `"new"`, target: &there, want: new(new("new"))},
		{
			reason: "a nil target", payload: `"x"`, target: nilString, want: nilString,
			wantErr: `codec: decode result of "charge": json: Unmarshal(nil *string)`,
		},
		{
			reason: "a nil target for a pointer", payload: `"x"`, target: nilPointer, want: nilPointer,
			wantErr: `codec: decode result of "charge": json: Unmarshal(nil **string)`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			err := codec.Decode(t.Context(), codec.JSON(), charge, []byte(tt.payload), tt.target)
			checkError(t, err, tt.wantErr, true, nil)

			if diff := cmp.Diff(tt.want, tt.target); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestJSONRefusesWhatJSONCannotSay(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		v      any
		want   string
	}{
		{
			reason: "a channel", v: make(chan int),
			want: `codec: encode result of "charge": json: unsupported type: chan int`,
		},
		{
			reason: "a number that is not one", v: math.NaN(),
			want: `codec: encode result of "charge": json: unsupported value: NaN`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			_, err := codec.Encode(t.Context(), codec.JSON(), charge, tt.v)
			checkError(t, err, tt.want, false, nil)
		})
	}
}

func TestJSONAllocatesAStringOnce(t *testing.T) { //nolint:paralleltest // counts allocations
	plain := []byte(`"` + strings.Repeat("x", 200) + `"`)
	escaped := []byte(`"` + strings.Repeat(`é\n\ud83d\ude00`, 40) + `"`)
	broken := []byte("\"" + strings.Repeat("\xff", 100) + "\"")

	tests := []struct {
		reason string
		run    func()
	}{
		{reason: "decoding plain text", run: decodeString(t, plain)},
		{reason: "decoding escapes", run: decodeString(t, escaped)},
		{reason: "decoding bytes that are not UTF-8", run: decodeString(t, broken)},
		{reason: "encoding text", run: encodeString(t, strings.Repeat("paid é", 40))},
	}

	for _, tt := range tests { //nolint:paralleltest // counts allocations
		t.Run(tt.reason, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, tt.run); got != 1 {
				t.Errorf("%v allocations, want 1", got)
			}
		})
	}
}

func decodeString(t *testing.T, payload []byte) func() {
	t.Helper()

	c, ctx, s := codec.JSON(), t.Context(), new(string)

	return func() {
		if err := codec.Decode(ctx, c, charge, payload, s); err != nil {
			t.Error(err)
		}
	}
}

func encodeString(t *testing.T, s string) func() {
	t.Helper()

	c, ctx := codec.JSON(), t.Context()
	var v any = s // a caller's conversion is not the codec's allocation

	return func() {
		if _, err := codec.Encode(ctx, c, charge, v); err != nil {
			t.Error(err)
		}
	}
}
