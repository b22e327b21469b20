package codec_test

import (
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
)

func FuzzJSONDecodesStringsAsEncodingJSON(f *testing.F) {
	for _, seed := range []string{
		`"paid"`, ` "x" `, `null`, `42`, `""`, `"`, `"\`, `"\"`, `"\u00e9"`, `"\ud83d\ude00"`, `"\ud83d\u0041"`,
		`"\ud83d\ud83d\ude00"`, `"\ud83d\`, `"\u12"`, `"\x"`, "\"a\nb\"", "\"\xff\"", "\"\xed\xa0\x80\"", `"a""b"`,
		"\ufeff\"x\"", "\u00a0\"x\"", `["x"]`, "\"\u2028\"",
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, payload []byte) {
		if !agrees(t, payload) || !agrees(t, append(append([]byte{'"'}, payload...), '"')) {
			t.Errorf("decoding %q differs from encoding/json", payload)
		}
	})
}

func FuzzJSONEncodesStringsAsEncodingJSON(f *testing.F) {
	for _, seed := range []string{"", "paid", "<&>", "\"\\/", "\x00\b\f\n\r\t\x1f\x7f", "\u2028\u2029", "é😀", "a\xff", "\xed\xa0\x80"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		payload, err := codec.Encode(t.Context(), codec.JSON(), charge, s)
		checkError(t, err, "", false, nil)

		if diff := cmp.Diff(oracle(t, s), payload); diff != "" {
			t.Errorf("payload of %q (-want +got):\n%s", s, diff)
		}

		if !agrees(t, payload) {
			t.Errorf("decoding %q differs from encoding/json", payload)
		}
	})
}

func FuzzRawKeepsText(f *testing.F) {
	f.Add("")
	f.Add("HELLO CHILD")
	f.Add("\xff")

	f.Fuzz(func(t *testing.T, s string) {
		out, err := roundTrip(t, codec.Raw(), s)
		if utf8.ValidString(s) != (err == nil) {
			t.Fatalf("round trip of %q: %v", s, err)
		}

		if err == nil && out != s {
			t.Errorf("round trip of %q = %q", s, out)
		}
	})
}

func FuzzRestoreTakesAnyData(f *testing.F) {
	for _, seed := range []string{"", "null", " null ", "{}", `{"Limit":1}`, `{"Limit":"x"}`, `[`, `"boom"`, `1`} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, data string) {
		for _, known := range []codec.KnownError{
			codec.ErrorType[*limitError]("limit"), codec.ErrorType[valueError]("value"), codec.ErrorType[codeError]("code"),
			codec.ErrorType[*countError]("pointer"), codec.ErrorType[*ownError]("own"), codec.ErrorType[*codec.Error]("codec"),
		} {
			restored := known.Restore(data)
			_ = restored.Error() // dereferences: a nil pointer would panic

			again, ok := known.Match(restored)
			if !ok {
				t.Errorf("%s: Match(Restore(%q)) found nothing", known.Name(), data)
			}

			if got := known.Restore(again).Error(); got != restored.Error() {
				t.Errorf("%s: Restore(%q) is %q, and %q the second time", known.Name(), data, restored, got)
			}
		}
	})
}
