package codec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/leanovate/gopter"
	"github.com/leanovate/gopter/gen"
	"github.com/leanovate/gopter/prop"

	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/internal/draws"
)

// parameters runs each law 200 times, multiplied by PERDURE_CHECKS.
func parameters() *gopter.TestParameters {
	p := gopter.DefaultTestParameters()
	p.MinSuccessfulTests = draws.Count(200)
	p.MaxSize = 40

	return p
}

// anyBytes generates strings of which many are not UTF-8.
func anyBytes() gopter.Gen {
	return gen.OneGenOf(
		gen.AnyString(),
		gen.SliceOf(gen.UInt8()).Map(func(b []uint8) string { return string(b) }),
		gen.SliceOf(gen.OneConstOf("\"", `\`, "\n", "\x00", "\u2028", "é", "😀", "\xff", "\xed\xa0\x80", "<", "a")).
			Map(func(parts []string) string { return strings.Join(parts, "") }),
	)
}

// roundTrip encodes in and decodes the payload.
func roundTrip[T any](t *testing.T, c codec.Codec, in T) (out T, err error) {
	t.Helper()

	payload, err := codec.Encode(t.Context(), c, charge, in)
	if err != nil {
		return out, err
	}

	if !utf8.Valid(payload) {
		return out, errors.New("payload is not UTF-8")
	}

	err = codec.Decode(t.Context(), c, charge, payload, &out)

	return out, err
}

func TestDecodeUndoesEncode(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("JSON, valid strings", prop.ForAll(func(s string) bool {
		out, err := roundTrip(t, codec.JSON(), s)
		return err == nil && out == s
	}, gen.AnyString()))

	laws.Property("JSON, pointers to strings", prop.ForAll(func(s *string) bool {
		out, err := roundTrip(t, codec.JSON(), s)
		return err == nil && cmp.Equal(s, out)
	}, gen.PtrOf(gen.AnyString())))

	laws.Property("JSON, any bytes in a string: what is not UTF-8 becomes U+FFFD, once", prop.ForAll(func(s string) bool {
		out, err := roundTrip(t, codec.JSON(), s)
		again, errAgain := roundTrip(t, codec.JSON(), out)

		return err == nil && errAgain == nil && out == string([]rune(s)) && again == out
	}, anyBytes()))

	laws.Property("JSON, a struct", prop.ForAll(func(id string, total int64, tags []string, notes map[string]string, gift *string, nanos int64) bool {
		in := order{id, total, tags, notes, gift, time.Unix(0, nanos).UTC()}
		out, err := roundTrip(t, codec.JSON(), in)

		return err == nil && cmp.Equal(in, out, cmpopts.EquateEmpty())
	}, gen.AnyString(), gen.Int64(), gen.SliceOfN(3, gen.AnyString()), gen.MapOf(gen.Identifier(), gen.OneConstOf("", "é", "<b>")),
		gen.PtrOf(gen.AnyString()), gen.Int64()))

	laws.Property("JSON, any bytes in a []byte", prop.ForAll(func(s string) bool {
		out, err := roundTrip(t, codec.JSON(), []byte(s))
		return err == nil && string(out) == s
	}, anyBytes()))

	laws.Property("JSON, numbers", prop.ForAll(func(i int64, u uint64, f float64) bool {
		iOut, iErr := roundTrip(t, codec.JSON(), i)
		uOut, uErr := roundTrip(t, codec.JSON(), u)
		fOut, fErr := roundTrip(t, codec.JSON(), f)

		return errors.Join(iErr, uErr, fErr) == nil && iOut == i && uOut == u && fOut == f
	}, gen.Int64(), gen.UInt64(), gen.Float64()))

	laws.Property("Raw: strings and bytes if they are UTF-8, an *Error otherwise", prop.ForAll(func(s string) bool {
		text, textErr := roundTrip(t, codec.Raw(), s)
		raw, rawErr := roundTrip(t, codec.Raw(), []byte(s))

		if !utf8.ValidString(s) {
			_, isText := errors.AsType[*codec.Error](textErr)
			_, isRaw := errors.AsType[*codec.Error](rawErr)

			return isText && isRaw
		}

		return textErr == nil && rawErr == nil && text == s && string(raw) == s
	}, anyBytes()))

	laws.Property("Of", prop.ForAll(func(n int) bool {
		out, err := roundTrip(t, decimals().Codec(), n)
		return err == nil && out == n
	}, gen.Int()))

	laws.TestingRun(t)
}

func TestJSONStringsAreThoseOfEncodingJSON(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("encoding", prop.ForAll(func(s string) bool {
		got, err := codec.Encode(t.Context(), codec.JSON(), charge, s)
		return err == nil && bytes.Equal(got, oracle(t, s))
	}, anyBytes()))

	laws.Property("decoding", prop.ForAll(func(s string) bool {
		return agrees(t, []byte(s)) && agrees(t, []byte(`"`+s+`"`))
	}, gen.OneGenOf(anyBytes(), gen.SliceOf(
		gen.OneConstOf(`\ud83d`, `\ude00`, `\uDE0`, `\n`, `\/`, `\x`, `\"`, `"`, ` `, `é`, "\xff", `\u0000`)).
		Map(func(parts []string) string { return strings.Join(parts, "") }))))

	laws.TestingRun(t)
}

func TestEncodeReturnsUTF8OrAnError(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("whatever the codec returns", prop.ForAll(func(s string) bool {
		got, err := codec.Encode(t.Context(), stub{payload: []byte(s)}, charge, nil)
		_, isError := errors.AsType[*codec.Error](err)

		if utf8.ValidString(s) {
			return err == nil && string(got) == s
		}

		return got == nil && isError
	}, anyBytes()))

	laws.TestingRun(t)
}

func TestRestoreUndoesMatch(t *testing.T) {
	t.Parallel()

	laws := gopter.NewProperties(parameters())

	laws.Property("a type with exported fields", prop.ForAll(func(limit int, note string) bool {
		in := &limitError{Limit: limit, Note: note}
		known := codec.ErrorType[*limitError]("limit")
		data, ok := known.Match(in)
		out, isLimit := errors.AsType[*limitError](known.Restore(data))

		return ok && isLimit && in.Limit == out.Limit && in.Note == out.Note
	}, gen.Int(), gen.AnyString()))

	laws.Property("the *Error of any operation and any cause", prop.ForAll(func(name, id, cause string, part int) bool {
		known := codec.ErrorType[*codec.Error]("codec.Error")
		m := codec.Meta{OperationName: name, OperationID: id, Part: codec.Part(part)}
		_, live := codec.Encode(t.Context(), stub{err: errors.New(cause)}, m, nil)
		data, ok := known.Match(live)
		restored := known.Restore(data)

		return ok && live.Error() == restored.Error() && cmp.Equal(live, restored, cmpopts.IgnoreUnexported(codec.Error{}))
	}, anyBytes(), anyBytes(), anyBytes(), gen.IntRange(0, 2)))

	laws.TestingRun(t)
}

// oracle is what encoding/json writes without HTML escaping.
func oracle(t *testing.T, s string) []byte {
	t.Helper()

	var buf bytes.Buffer

	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)

	if err := enc.Encode(s); err != nil {
		t.Fatal(err)
	}

	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// agrees compares decoding into a string, and behind a pointer, with encoding/json.
func agrees(t *testing.T, payload []byte) bool {
	t.Helper()

	if len(payload) == 0 {
		return true // an absent payload; encoding/json knows none
	}

	var (
		got, want   string
		gotP, wantP *string
	)

	gotErr := codec.Decode(t.Context(), codec.JSON(), charge, payload, &got)
	wantErr := json.Unmarshal(payload, &want)
	gotErrP := codec.Decode(t.Context(), codec.JSON(), charge, payload, &gotP)
	wantErrP := json.Unmarshal(payload, &wantP)

	return sameError(gotErr, wantErr) && sameError(gotErrP, wantErrP) && got == want && cmp.Equal(gotP, wantP)
}

func sameError(got, want error) bool {
	if got == nil || want == nil {
		return got == nil && want == nil
	}

	return errors.Unwrap(got).Error() == want.Error()
}
