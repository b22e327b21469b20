package checkpoint_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/checkpoint"
)

func TestQuotedPayload(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, literal, want string }{
		{"empty", `""`, ""},
		{"nothing to decode", `"abc"`, "abc"},
		{"other alphabets", `"größe 😀"`, "größe 😀"},
		{"JSON within", `"{\"ok\":true}"`, `{"ok":true}`},
		{"each escape", `"\"\\\/\b\f\n\r\t"`, "\"\\/\b\f\n\r\t"},
		{"code points", `"\u0041\u00e9\uFFFD"`, "Aé\ufffd"},
		{"surrogate pair", `"\ud83d\ude00"`, "😀"},
		{"high half alone", `"\ud83dx"`, "\ufffdx"},
		{"high half at the end", `"\ud83d"`, "\ufffd"},
		{"low half alone", `"\ude00"`, "\ufffd"},
		{"high half before another escape", `"\ud83d\n"`, "\ufffd\n"},
		{"high half before another code point", `"\ud83d\u0041"`, "\ufffdA"},
		{"halves in the wrong order", `"\ude00\ud83d"`, "\ufffd\ufffd"},
		{"two high halves, then a low one", `"\ud83d\ud83d\ude00"`, "\ufffd😀"},
		{"a byte that is not UTF-8", "\"a\xffb\"", "a\ufffdb"},
		{"such a byte beside an escape", "\"\\n\xff\xfe\\n\"", "\n\ufffd\ufffd\n"},
		{"a character that is cut", "\"\xe2\x82\"", "\ufffd\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			p := checkpoint.QuotedPayload([]byte(tt.literal))
			if diff := cmp.Diff(tt.want, p.String()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			var want string
			if err := json.Unmarshal([]byte(tt.literal), &want); err != nil || want != p.String() {
				t.Errorf("encoding/json says %q, %v", want, err)
			}
		})
	}
}

func TestPayloadsAreEqual(t *testing.T) {
	t.Parallel()
	quoted := func(s string) checkpoint.Payload { return checkpoint.QuotedPayload([]byte(s)) }
	tests := []struct {
		reason string
		a, b   checkpoint.Payload
		want   bool
	}{
		{"both absent", checkpoint.Payload{}, checkpoint.Payload{}, true},
		{"absent is not empty", checkpoint.Payload{}, checkpoint.NewPayload(nil), false},
		{"the same text", checkpoint.TextPayload("a"), checkpoint.NewPayload([]byte("a")), true},
		{"another text", checkpoint.TextPayload("a"), checkpoint.TextPayload("b"), false},
		{"quoted or not", checkpoint.TextPayload("\n"), quoted(`"\n"`), true},
		{"quoted in two ways", quoted(`"A"`), quoted(`"\u0041"`), true},
		{"quoted, of another text", quoted(`"A"`), quoted(`"B"`), false},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			if tt.a.Equal(tt.b) != tt.want || tt.b.Equal(tt.a) != tt.want {
				t.Errorf("Equal(%q, %q) is not %t", tt.a, tt.b, tt.want)
			}
		})
	}
}

func TestPayloadSizeIsNeverTooSmall(t *testing.T) {
	t.Parallel()
	p := properties(1000)
	p.Property("Size is at least the length of the text", prop.ForAll(func(text string) bool {
		text = strings.ToValidUTF8(text, "?")
		literal, err := json.Marshal(text)
		if err != nil {
			return false
		}
		quoted, plain := checkpoint.QuotedPayload(literal), checkpoint.TextPayload(text)
		return quoted.Size() >= len(text) && plain.Size() == len(text) && quoted.String() == text && quoted.Equal(plain)
	}, gen.AnyString()))
	p.TestingRun(t)
}

//nolint:paralleltest // counts allocations of the whole process
func TestPayloadIsDecodedWithOneAllocation(t *testing.T) {
	tests := []struct {
		reason, literal string
		want            float64
	}{
		{"nothing to decode", `"abc"`, 0},
		{"escapes", `"` + strings.Repeat(`{\"ok\":true,\"word\":\"gr\u00f6\u00dfe \ud83d\ude00\"}`, 100) + `"`, 1},
		{"bytes that are not UTF-8", `"` + strings.Repeat("\xff", 100) + `"`, 1},
	}
	for _, tt := range tests {
		p := checkpoint.QuotedPayload([]byte(tt.literal))
		if n := testing.AllocsPerRun(100, func() { p.Bytes() }); n != tt.want {
			t.Errorf("%s: %v allocations, want %v", tt.reason, n, tt.want)
		}
	}
}

// TestJSONString: what is taken out of the event as it stands is what encoding/json would make of
// the text.
func TestJSONString(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason string
		p      checkpoint.Payload
		want   bool
	}{
		{"a plain string", checkpoint.QuotedPayload([]byte(`"\"abc\""`)), true},
		{"an empty one", checkpoint.QuotedPayload([]byte(`"\"\""`)), true},
		{"other alphabets", checkpoint.QuotedPayload([]byte(`"\"größe 😀\""`)), true},
		{"a quote within", checkpoint.QuotedPayload([]byte(`"\"a\\\"b\""`)), false},
		{"an escape within", checkpoint.QuotedPayload([]byte(`"\"a\\n\""`)), false},
		{"an escape of the event within", checkpoint.QuotedPayload([]byte(`"\"a\u0041\""`)), false},
		{"a line end of the event within", checkpoint.QuotedPayload([]byte(`"\"a\n\""`)), false},
		{"two strings", checkpoint.QuotedPayload([]byte(`"\"a\" \"b\""`)), false},
		{"one quote", checkpoint.QuotedPayload([]byte(`"\""`)), false},
		{"a quote that is quoted", checkpoint.QuotedPayload([]byte(`"\"a\\\""`)), false},
		{"a number", checkpoint.QuotedPayload([]byte(`"12"`)), false},
		{"no text", checkpoint.QuotedPayload([]byte(`""`)), false},
		{"white space around it", checkpoint.QuotedPayload([]byte(`" \"a\""`)), false},
		{"bytes that are not UTF-8", checkpoint.QuotedPayload([]byte("\"\\\"a\xff\\\"\"")), false},
		{"no payload", checkpoint.Payload{}, false},
		{"one that does not come from an event", checkpoint.TextPayload(`"abc"`), false},
	}
	for _, tt := range tests {
		got, ok := tt.p.JSONString()
		if ok != tt.want {
			t.Errorf("%s: %q, %v", tt.reason, got, ok)
		}
		var want string
		if err := json.Unmarshal(tt.p.Bytes(), &want); ok && (err != nil || got != want) {
			t.Errorf("%s: %q, encoding/json says %q, %v", tt.reason, got, want, err)
		}
	}
	p := properties(1000)
	p.Property("JSONString is what encoding/json makes of the text", prop.ForAll(func(s, around string) bool {
		for _, text := range []string{quote(s), quote(quote(s)), around + quote(s), quote(s) + around, s, quote(s) + quote(around)} {
			quoted := checkpoint.QuotedPayload([]byte(quote(text)))
			got, ok := quoted.JSONString()
			var want string
			if err := json.Unmarshal(quoted.Bytes(), &want); ok && (err != nil || got != want) {
				return false
			}
		}
		return true
	}, gen.OneGenOf(gen.AnyString(), gen.AlphaString(), gen.RegexMatch(`[a\\"n]*`)), gen.RegexMatch(`[ \\"\n]*`)))
	p.TestingRun(t)
}

// quote is a text as a JSON string.
func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func FuzzPayload(f *testing.F) {
	for _, s := range []string{``, `a\"b`, `\u00e9\ud83d\ude00`, `\ud83d\u`, "\xff\\n", `\ud83d\ud83d`, "\x00", `\'`, `"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, inner []byte) {
		literal := append(append([]byte{'"'}, inner...), '"')
		var want string
		if err := json.Unmarshal(literal, &want); err != nil {
			t.Skip("not a JSON string")
		}
		before := bytes.Clone(literal)
		if got := checkpoint.QuotedPayload(literal).String(); got != want {
			t.Errorf("%q is %q, encoding/json says %q", literal, got, want)
		}
		var inside string
		if got, ok := checkpoint.QuotedPayload(literal).JSONString(); ok && (json.Unmarshal([]byte(want), &inside) != nil || got != inside) {
			t.Errorf("%q is the string %q, encoding/json says %q", literal, got, inside)
		}
		if !bytes.Equal(before, literal) {
			t.Errorf("decoding has changed %q to %q", before, literal)
		}
	})
}
