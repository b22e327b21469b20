package codec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/perdure/perdure/codec"
)

// xor flips bits of payloads that have at least min bytes.
type xor struct {
	name string
	key  byte
	min  int
	err  error
	seen *[]codec.Stage
}

func (x xor) Name() string { return x.name }

func (x xor) Apply(_ context.Context, at codec.Stage, p []byte) ([]byte, bool, error) {
	if x.err != nil || len(p) < x.min {
		return nil, false, x.err
	}

	x.saw(at)

	return x.flip(p), true, nil
}

func (x xor) Revert(_ context.Context, at codec.Stage, p []byte) ([]byte, error) {
	x.saw(at)
	return x.flip(p), x.err
}

func (x xor) saw(at codec.Stage) {
	if x.seen != nil {
		*x.seen = append(*x.seen, at)
	}
}

func (x xor) flip(p []byte) []byte {
	out := bytes.Clone(p)
	for i := range out {
		out[i] ^= x.key
	}

	return out
}

// quote is a transform whose output is text.
type quote struct{}

func (quote) Name() string { return "quote" }

func (quote) Apply(_ context.Context, _ codec.Stage, p []byte) ([]byte, bool, error) {
	return fmt.Appendf(nil, "%q", p), true, nil
}

func (quote) Revert(_ context.Context, _ codec.Stage, p []byte) ([]byte, error) {
	var s string
	_, err := fmt.Sscanf(string(p), "%q", &s)

	return []byte(s), err
}

func flip(name string, key byte) xor { return xor{name: name, key: key} }

func TestChainWritesWhatAPayloadWentThrough(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason     string
		base       codec.Codec
		transforms []codec.Transform
		v          any
		want       string
	}{
		{reason: "without transforms the payload is plain", v: "paid", want: `"paid"`},
		{
			reason: "a transform that leaves it alone does not change it", v: "paid", want: `"paid"`,
			transforms: []codec.Transform{xor{name: "big", min: 100, key: 1}},
		},
		{
			reason: "bytes are base64 for URLs, without padding", v: "paid", want: `"~perdure1:flip:b3Y-elpvd"`,
			transforms: []codec.Transform{flip("flip", 0xff)},
		},
		{
			reason: "text stays text", v: "paid", want: `"~perdure1:flip:t#q` + "`" + `he#"`,
			transforms: []codec.Transform{flip("flip", 1)},
		},
		{
			reason: "names are in the order of application, those that did nothing left out",
			v:      "paid", want: `"~perdure1:a,c:t\"paid\""`,
			transforms: []codec.Transform{flip("a", 1), xor{name: "b", min: 100}, flip("c", 1)},
		},
		{
			reason: "text that would become longer than base64 is base64", v: `"""""`, base: codec.Raw(),
			want: `"~perdure1:a:bIiIiIiI"`, transforms: []codec.Transform{flip("a", 0)},
		},
		{
			reason: "a string of the user's that looks like a payload of a chain",
			v:      "~perdure1:a:t", want: `"~perdure1::t\"~perdure1:a:t\""`,
		},
		{
			reason: "one that looks like a payload of a later chain", v: "~perdure", want: `"~perdure1::t\"~perdure\""`,
		},
		{
			reason: "a base that writes no text", base: codec.Raw(), v: []byte("\xff\x00"), want: `"~perdure1::b_wA"`,
		},
		{
			reason: "an empty payload is one, too", base: codec.Raw(), v: "", want: `"~perdure1:a:t"`,
			transforms: []codec.Transform{flip("a", 1)},
		},
		{
			reason: "a chain inside of a chain", base: codec.Chain(codec.Raw(), flip("in", 0)), v: "x",
			want: `"~perdure1:out:t\"~perdure1:in:tx\""`, transforms: []codec.Transform{flip("out", 0)},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			base := tt.base
			if base == nil {
				base = codec.JSON()
			}

			c := codec.Chain(base, tt.transforms...)

			got, err := codec.Encode(t.Context(), c, charge, tt.v)
			if err != nil || string(got) != tt.want {
				t.Fatalf("Encode = %s, %v, want %s", got, err, tt.want)
			}

			if framed := strings.HasPrefix(tt.want, `"~`); framed && !json.Valid(got) {
				t.Errorf("payload %s is not JSON", got)
			}

			var text string
			if _, ok := tt.v.([]byte); ok {
				var raw []byte
				err = codec.Decode(t.Context(), c, charge, got, &raw)
				text = string(raw)
			} else {
				err = codec.Decode(t.Context(), c, charge, got, &text)
			}

			if err != nil || text != fmt.Sprintf("%s", tt.v) {
				t.Errorf("Decode = %q, %v, want %q", text, err, tt.v)
			}
		})
	}
}

func TestChainReadsOrRefuses(t *testing.T) {
	t.Parallel()

	flipped, plain := flip("flip", 1), codec.Chain(codec.JSON())
	required := codec.Chain(codec.JSON(), codec.Required(flipped))

	tests := []struct {
		reason  string
		codec   codec.Codec
		payload string
		want    string
		wantErr string // after "codec: decode result of "charge": "; empty: none
	}{
		{reason: "plain payloads are read", codec: codec.Chain(codec.JSON(), flipped), payload: `"paid"`, want: "paid"},
		{reason: "absent ones too", codec: codec.Chain(codec.JSON(), flipped), payload: ``, want: ""},
		{
			reason: "a transform that is not written any more", codec: codec.Chain(codec.JSON(), codec.ReadOnly(flipped)),
			payload: `"~perdure1:flip:t#q` + "`" + `he#"`, want: "paid",
		},
		{
			reason: "the order is that of the payload", want: "paid", payload: `"~perdure1:quote,flip:bI10jcWBoZV0jIw"`,
			codec: codec.Chain(codec.JSON(), flipped, quote{}),
		},
		{
			reason: "a program in between may have written the string in its own way",
			codec:  plain, payload: "\"~perdure1::t\\u0022paid\\\"\"\n", want: "paid",
		},
		{
			reason: "a transform that is missing", codec: plain, payload: `"~perdure1:zstd:bAAAA"`,
			wantErr: `the payload went through "zstd", which this chain does not have: add it, with codec.ReadOnly if it ` +
				`is not to be written any more`,
		},
		{
			reason: "a plain payload where a transform is required", codec: required, payload: `"paid"`,
			wantErr: `the payload did not go through "flip", which this chain requires: it was replaced, or written ` +
				`before the chain had it`,
		},
		{
			reason: "none where a transform is required", codec: required, payload: ``,
			wantErr: `the payload did not go through "flip", which this chain requires: it was replaced, or written ` +
				`before the chain had it`,
		},
		{
			reason: "a plain payload in the form of a chain", codec: required, payload: `"~perdure1::t\"paid\""`,
			wantErr: `the payload did not go through "flip", which this chain requires: it was replaced, or written ` +
				`before the chain had it`,
		},
		{
			reason: "a later form", codec: plain, payload: `"~perdure2:whatever it is"`,
			wantErr: `the payload is in form 2, and this version of perdure reads form 1: deploy the version that wrote it`,
		},
		{
			reason: "the mark alone", codec: plain, payload: `"~perdure"`,
			wantErr: `the payload begins with "~perdure and not with a version after it: it was changed, or was recorded ` +
				`or sent by code that has no codec.Chain`,
		},
		{
			reason: "a string of the user's from before there was a chain", codec: plain, payload: `"~perdure is great"`,
			wantErr: `the payload begins with "~perdure and not with a version after it: it was changed, or was recorded ` +
				`or sent by code that has no codec.Chain`,
		},
		{
			reason: "an end in the names", codec: plain, payload: `"~perdure1:fl"`,
			wantErr: `the payload begins with "~perdure and ends before its bytes: it was cut off or changed`,
		},
		{
			reason: "an end before the bytes", codec: plain, payload: `"~perdure1:flip:"`,
			wantErr: `the payload begins with "~perdure and ends before its bytes: it was cut off or changed`,
		},
		{
			reason: "an end without a quote", codec: plain, payload: `"~perdure1:flip:bAAA`,
			wantErr: `the payload begins with "~perdure and is not one JSON string: it was cut off or changed`,
		},
		{
			reason: "more after the end", codec: plain, payload: `"~perdure1:flip:bAAA" 1`,
			wantErr: `the payload begins with "~perdure and is not one JSON string: it was cut off or changed`,
		},
		{
			reason: "bytes that are not base64", codec: plain, payload: `"~perdure1:flip:bA+/A"`,
			wantErr: `the bytes of the payload are not base64, it was cut off or changed: illegal base64 data at input byte 1`,
		},
		{
			reason: "another kind of bytes", codec: plain, payload: `"~perdure1:flip:xAAA"`,
			wantErr: `the payload begins with "~perdure and is neither text nor base64 but 'x': it was changed`,
		},
		{
			reason: "a name that cannot be one", codec: plain, payload: `"~perdure1:a,,b:t"`,
			wantErr: `the payload names a transform "", which cannot be one: it was changed`,
		},
		{
			reason: "very many names", codec: plain, payload: `"~perdure1:` + strings.Repeat("a,", 16) + `a:t"`,
			wantErr: `the payload names 17 transforms, at most 16 are possible: it was changed`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var got string

			err := codec.Decode(t.Context(), tt.codec, charge, []byte(tt.payload), &got)
			if tt.wantErr != "" {
				tt.wantErr = `codec: decode result of "charge": ` + tt.wantErr
			}

			checkError(t, err, tt.wantErr, true, nil)

			if got != tt.want || codec.IsTransient(err) {
				t.Errorf("value = %q, transient %v, want %q, for good", got, codec.IsTransient(err), tt.want)
			}
		})
	}
}

func TestChainReportsMisuse(t *testing.T) {
	t.Parallel()

	many := make([]codec.Transform, 17)
	for i := range many {
		many[i] = flip(fmt.Sprint("t", i), 1)
	}

	tests := []struct {
		reason  string
		codec   codec.Codec
		wantErr string
	}{
		{reason: "no base", codec: codec.Chain(nil), wantErr: "codec.Chain: the base is nil: pass codec.JSON()"},
		{
			reason: "a nil transform", codec: codec.Chain(codec.JSON(), flip("a", 1), nil),
			wantErr: "codec.Chain: transform 2 is nil",
		},
		{
			reason: "nil inside of ReadOnly", codec: codec.Chain(codec.JSON(), codec.ReadOnly(nil)),
			wantErr: "codec.Chain: transform 1 is nil",
		},
		{
			reason: "nil inside of Required", codec: codec.Chain(codec.JSON(), codec.Required(nil)),
			wantErr: "codec.Chain: transform 1 is nil",
		},
		{
			reason: "a name that would end the list of names", codec: codec.Chain(codec.JSON(), flip("a:b", 1)),
			wantErr: `codec.Chain: transform 1 has the name "a:b": use 1 to 32 of a-z, 0-9 and -`,
		},
		{
			reason: "no name", codec: codec.Chain(codec.JSON(), flip("", 1)),
			wantErr: `codec.Chain: transform 1 has the name "": use 1 to 32 of a-z, 0-9 and -`,
		},
		{
			reason: "one name twice", codec: codec.Chain(codec.JSON(), flip("a", 1), codec.ReadOnly(flip("a", 2))),
			wantErr: `codec.Chain: two transforms have the name "a": keep the one that reads what the other wrote`,
		},
		{
			reason: "too many", codec: codec.Chain(codec.JSON(), many...),
			wantErr: "codec.Chain: 17 transforms, at most 16 are possible",
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			_, err := codec.Encode(t.Context(), tt.codec, charge, 1)
			checkError(t, err, `codec: encode result of "charge": `+tt.wantErr, false, nil)

			err = codec.Decode(t.Context(), tt.codec, charge, []byte("1"), new(int))
			checkError(t, err, `codec: decode result of "charge": `+tt.wantErr, true, nil)

			if c, ok := tt.codec.(interface{ Err() error }); !ok || c.Err() == nil || c.Err().Error() != tt.wantErr {
				t.Errorf("Err reports something else than %s", tt.wantErr)
			}
		})
	}
}

func TestChainPassesErrorsOn(t *testing.T) {
	t.Parallel()

	late := codec.Transient(errBroken)
	failing := xor{name: "late", err: late}

	tests := []struct {
		reason    string
		codec     codec.Codec
		transient bool
	}{
		{reason: "of a transform, for now", codec: codec.Chain(codec.JSON(), failing), transient: true},
		{reason: "of a transform, for good", codec: codec.Chain(codec.JSON(), xor{name: "late", err: errBroken})},
		{reason: "of the base", codec: codec.Chain(stub{err: late}, flip("late", 1)), transient: true},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			_, encoding := codec.Encode(t.Context(), tt.codec, charge, 1)
			checkError(t, encoding, `codec: encode result of "charge": broken`, false, errBroken)

			decoding := codec.Decode(t.Context(), tt.codec, charge, []byte(`"~perdure1:late:t1"`), new(int))
			checkError(t, decoding, `codec: decode result of "charge": broken`, true, errBroken)

			if codec.IsTransient(encoding) != tt.transient || codec.IsTransient(decoding) != tt.transient {
				t.Errorf("transient: %v and %v, want %v", codec.IsTransient(encoding), codec.IsTransient(decoding), tt.transient)
			}
		})
	}

	_, err := codec.Encode(t.Context(), codec.Chain(codec.JSON(), codec.Required(xor{name: "big", min: 9})), charge, 1)
	checkError(t, err, `codec: encode result of "charge": transform "big" is required and left the payload alone: `+
		`leave out codec.Required, or its threshold`, false, nil)
}

func TestTransformsMeetTheSameStageInBothDirections(t *testing.T) {
	t.Parallel()

	var seen []codec.Stage

	c := codec.Chain(codec.JSON(), xor{name: "a", seen: &seen}, xor{name: "b", min: 99}, xor{name: "c", seen: &seen})

	p, err := codec.Encode(t.Context(), c, charge, "paid")
	if err = errors.Join(err, codec.Decode(t.Context(), c, charge, p, new(string))); err != nil {
		t.Fatal(err)
	}

	var got []string
	for _, s := range seen {
		got = append(got, s.Meta.OperationName+"/"+s.Through)
	}

	if want := "charge/ charge/a charge/a charge/"; strings.Join(got, " ") != want {
		t.Errorf("stages = %q, want %q", got, want)
	}
}
