package codec_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/codec"
)

type named string

func TestRawEncodesTextAsItStands(t *testing.T) {
	t.Parallel()

	text := "x"

	tests := []struct {
		reason  string
		v       any
		want    string
		wantErr string
	}{
		{reason: "a string", v: "HELLO \"CHILD\"\n", want: "HELLO \"CHILD\"\n"},
		{reason: "bytes", v: []byte("<a>"), want: "<a>"},
		{reason: "an empty string", v: "", want: ""},
		{reason: "no bytes", v: []byte(nil), want: ""},
		{
			reason: "a named type is another type", v: named("x"),
			wantErr: `codec: encode result of "charge": codec.Raw takes a string or a []byte, ` +
				`not a value of type codec_test.named: use codec.JSON or codec.Of`,
		},
		{
			reason: "a pointer", v: &text,
			wantErr: `codec: encode result of "charge": codec.Raw takes a string or a []byte, ` +
				`not a value of type *string: use codec.JSON or codec.Of`,
		},
		{
			reason: "nothing", v: nil,
			wantErr: `codec: encode result of "charge": codec.Raw takes a string or a []byte, ` +
				`not a value of type <nil>: use codec.JSON or codec.Of`,
		},
		{
			reason: "bytes that the wire would change", v: []byte{0x80},
			wantErr: `codec: encode result of "charge": the payload is not valid UTF-8 (byte 0): ` +
				`encode binary data as text, as base64 for example`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got, err := codec.Encode(t.Context(), codec.Raw(), charge, tt.v)
			checkError(t, err, tt.wantErr, false, nil)

			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRawDecodesTextAsItStands(t *testing.T) {
	t.Parallel()

	var (
		nilString *string
		nilBytes  *[]byte
		number    int
	)

	tests := []struct {
		reason  string
		payload string
		target  any
		want    any
		wantErr string
	}{
		{reason: "a string", payload: `"quoted"`, target: new(string), want: new(`"quoted"`)},
		{reason: "bytes", payload: "null", target: new([]byte), want: new([]byte("null"))},
		{reason: "an absent payload is an empty string", payload: "", target: new("old"), want: new("")},
		{reason: "an absent payload is no bytes", payload: "", target: new([]byte("old")), want: new([]byte(nil))},
		{
			reason: "another type", payload: "1", target: &number, want: new(0),
			wantErr: `codec: decode result of "charge": codec.Raw stores into a *string or a *[]byte that is not nil, ` +
				`not into a *int: use codec.JSON or codec.Of`,
		},
		{
			reason: "a nil pointer to a string", payload: "1", target: nilString, want: nilString,
			wantErr: `codec: decode result of "charge": codec.Raw stores into a *string or a *[]byte that is not nil, ` +
				`not into a *string: use codec.JSON or codec.Of`,
		},
		{
			reason: "a nil pointer to bytes", payload: "1", target: nilBytes, want: nilBytes,
			wantErr: `codec: decode result of "charge": codec.Raw stores into a *string or a *[]byte that is not nil, ` +
				`not into a *[]uint8: use codec.JSON or codec.Of`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			err := codec.Decode(t.Context(), codec.Raw(), charge, []byte(tt.payload), tt.target)
			checkError(t, err, tt.wantErr, true, nil)

			if diff := cmp.Diff(tt.want, tt.target); diff != "" {
				t.Errorf("target (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRawCopiesBytes(t *testing.T) {
	t.Parallel()

	in := []byte("paid")

	payload, err := codec.Encode(t.Context(), codec.Raw(), charge, in)
	checkError(t, err, "", false, nil)

	in[0] = 'X'

	if string(payload) != "paid" {
		t.Errorf("payload = %q after the value changed, want paid", payload)
	}

	var out []byte

	checkError(t, codec.Decode(t.Context(), codec.Raw(), charge, payload, &out), "", true, nil)

	payload[0] = 'X'

	if string(out) != "paid" {
		t.Errorf("value = %q after the payload changed, want paid", out)
	}
}
