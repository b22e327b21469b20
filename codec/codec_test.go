package codec_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/codec"
)

var (
	errBroken = errors.New("broken")
	charge    = codec.Meta{ExecutionARN: "arn:1", OperationID: "charge-0-1", OperationName: "charge"}
)

// stub is a codec that answers with what it holds.
type stub struct {
	payload []byte
	err     error
	panics  any
}

func (s stub) Encode(context.Context, codec.Meta, any) ([]byte, error) {
	if s.panics != nil {
		panic(s.panics)
	}

	return s.payload, s.err
}

func (s stub) Decode(_ context.Context, _ codec.Meta, payload []byte, v any) error {
	if s.panics != nil {
		panic(s.panics)
	}

	if target, ok := v.(*string); ok {
		*target = string(payload)
	}

	return s.err
}

func TestEncodeAppliesTheRulesInOrder(t *testing.T) {
	t.Parallel()

	own := &codec.Error{Operation: "mine", Reason: "full"}

	tests := []struct {
		reason  string
		codec   codec.Codec
		want    string
		wantErr string // empty: none
		is      error
	}{
		{
			reason: "a valid payload passes byte for byte",
			codec:  stub{payload: []byte("wrapped:é\x00")}, want: "wrapped:é\x00",
		},
		{
			reason: "an empty payload is a payload",
			codec:  stub{}, want: "",
		},
		{
			reason:  "a nil codec is reported, not called",
			codec:   nil,
			wantErr: `codec: encode result of "charge": the codec is nil: leave the option out, or pass codec.JSON()`,
		},
		{
			reason:  "an error is wrapped with the operation and the part, and its payload dropped",
			codec:   stub{payload: []byte("half"), err: errBroken},
			wantErr: `codec: encode result of "charge": broken`, is: errBroken,
		},
		{
			reason:  "an *Error is not wrapped twice",
			codec:   stub{err: own},
			wantErr: `codec: encode result of "mine": full`, is: own,
		},
		{
			reason:  "an error around an *Error gets a name and a part of its own",
			codec:   stub{err: fmt.Errorf("encrypt: %w", own)},
			wantErr: `codec: encode result of "charge": encrypt: codec: encode result of "mine": full`, is: own,
		},
		{
			reason:  "a panic with an error keeps it as cause",
			codec:   stub{panics: errBroken},
			wantErr: `codec: encode result of "charge": the codec panicked: broken`, is: errBroken,
		},
		{
			reason:  "a panic with a value keeps its text",
			codec:   stub{panics: "no key"},
			wantErr: `codec: encode result of "charge": the codec panicked: no key`,
		},
		{
			reason: "the wire would change bytes that are not UTF-8",
			codec:  stub{payload: []byte("ab\uFFFDc\xff")},
			wantErr: `codec: encode result of "charge": the payload is not valid UTF-8 (byte 6): ` +
				`encode binary data as text, as base64 for example`,
		},
		{
			reason:  "an error whose text panics is a panic of the codec",
			codec:   stub{err: badError{}},
			wantErr: `codec: encode result of "charge": the codec panicked: no text`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got, err := codec.Encode(t.Context(), tt.codec, charge, 1)
			checkError(t, err, tt.wantErr, false, tt.is)

			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDecodeAppliesTheRulesInOrder(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason  string
		codec   codec.Codec
		want    string
		wantErr string
		is      error
	}{
		{
			reason: "the codec is given the payload byte for byte",
			codec:  stub{}, want: "paid",
		},
		{
			reason:  "a nil codec is reported, not called",
			codec:   nil,
			wantErr: `codec: decode result of "charge": the codec is nil: leave the option out, or pass codec.JSON()`,
		},
		{
			reason: "an error is wrapped with the operation and the part",
			codec:  stub{err: errBroken}, want: "paid",
			wantErr: `codec: decode result of "charge": broken`, is: errBroken,
		},
		{
			reason:  "a panic is an error",
			codec:   stub{panics: errBroken},
			wantErr: `codec: decode result of "charge": the codec panicked: broken`, is: errBroken,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			var got string

			err := codec.Decode(t.Context(), tt.codec, charge, []byte("paid"), &got)
			checkError(t, err, tt.wantErr, true, tt.is)

			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorSaysWhatWasConverted(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		meta   codec.Meta
		want   string
	}{
		{
			reason: "the zero Part is Result",
			meta:   charge, want: `codec: encode result of "charge": broken`,
		},
		{
			reason: "the input of an invoked function",
			meta:   codec.Meta{OperationName: "bill", Part: codec.PartInput}, want: `codec: encode input of "bill": broken`,
		},
		{
			reason: "the state of an attempt",
			meta:   codec.Meta{OperationName: "poll", Part: codec.PartState}, want: `codec: encode state of "poll": broken`,
		},
		{
			reason: "the handler has no operation name",
			meta:   codec.Meta{ExecutionARN: "arn:1"}, want: `codec: encode result: broken`,
		},
		{
			reason: "a part of a later version still has a text",
			meta:   codec.Meta{OperationName: "x", Part: 9}, want: `codec: encode Part(9) of "x": broken`,
		},
		{
			reason: "a name with odd characters stays readable",
			meta:   codec.Meta{OperationName: "a\"\n"}, want: `codec: encode result of "a\"\n": broken`,
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			_, err := codec.Encode(t.Context(), stub{err: errBroken}, tt.meta, nil)
			checkError(t, err, tt.want, false, errBroken)
		})
	}
}

func TestErrorSurvivesTheLog(t *testing.T) {
	t.Parallel()

	known := codec.ErrorType[*codec.Error]("codec.Error")

	tests := []struct {
		reason string
		meta   codec.Meta
		cause  error
	}{
		{reason: "an ordinary error", meta: charge, cause: errBroken},
		{reason: "another part", meta: codec.Meta{OperationName: "poll", Part: codec.PartState}, cause: errBroken},
		{reason: "the handler's result", meta: codec.Meta{}, cause: errBroken},
		{
			reason: "text that is not UTF-8 is replaced before it is recorded, not on the way",
			meta:   codec.Meta{OperationName: "\xff\xfe", OperationID: "\x80"}, cause: errors.New("a\xff\xfeb"),
		},
		{reason: "HTML characters", meta: charge, cause: errors.New("<a href='x'>&\u2028")},
		{reason: "an empty text", meta: charge, cause: errors.New("")},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			for _, live := range failures(t, tt.meta, tt.cause) {
				data, ok := known.Match(fmt.Errorf("charge card: %w", live))
				if !ok {
					t.Fatalf("Match(%v) found nothing", live)
				}

				restored := known.Restore(data)
				if diff := cmp.Diff(live, restored, cmpopts.IgnoreUnexported(codec.Error{})); diff != "" {
					t.Errorf("fields (-live +restored):\n%s", diff)
				}

				if diff := cmp.Diff(live.Error(), restored.Error()); diff != "" {
					t.Errorf("message (-live +restored):\n%s", diff)
				}

				if errors.Unwrap(restored) != nil {
					t.Errorf("cause of a restored error = %v, want none", errors.Unwrap(restored))
				}
			}
		})
	}
}

func TestPartIsRecordedAsText(t *testing.T) {
	t.Parallel()

	tests := []struct {
		reason string
		part   codec.Part
		want   string
	}{
		{reason: "the zero value", part: codec.PartResult, want: `"result"`},
		{reason: "input", part: codec.PartInput, want: `"input"`},
		{reason: "state", part: codec.PartState, want: `"state"`},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			got, err := json.Marshal(tt.part)
			if err != nil || string(got) != tt.want {
				t.Fatalf("Marshal = %s, %v, want %s", got, err, tt.want)
			}

			var back codec.Part
			if err := json.Unmarshal(got, &back); err != nil || back != tt.part {
				t.Errorf("Unmarshal = %v, %v, want %v", back, err, tt.part)
			}
		})
	}

	var p codec.Part
	if err := p.UnmarshalText([]byte("Part(7)")); err == nil {
		t.Error("UnmarshalText took an unknown part")
	}
}

// failures returns one failure in each direction.
func failures(t *testing.T, m codec.Meta, cause error) []error {
	t.Helper()

	_, encoding := codec.Encode(t.Context(), stub{err: cause}, m, nil)
	decoding := codec.Decode(t.Context(), stub{err: cause}, m, nil, nil)

	return []error{encoding, decoding}
}

// checkError checks the message and the kind of err; want is empty for no error.
func checkError(t *testing.T, err error, want string, decoding bool, is error) {
	t.Helper()

	if want == "" {
		if err != nil {
			t.Errorf("error = %v, want none", err)
		}

		return
	}

	if err == nil {
		t.Fatalf("no error, want %s", want)
	}

	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}

	e, ok := errors.AsType[*codec.Error](err)
	if !ok {
		t.Fatalf("error is a %T, want a *codec.Error", err)
	}

	if e.Decoding != decoding {
		t.Errorf("Decoding = %t, want %t", e.Decoding, decoding)
	}

	if is != nil && !errors.Is(err, is) {
		t.Errorf("errors.Is(%v, %v) = false", err, is)
	}
}

// badError is an error that cannot say what it is.
type badError struct{}

func (badError) Error() string { panic("no text") }
