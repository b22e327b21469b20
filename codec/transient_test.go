package codec_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"

	"github.com/perdure/perdure/codec"
)

// answer is an error of another library that answers for itself.
type answer bool

func (a answer) Error() string   { return "answer" }
func (a answer) Transient() bool { return bool(a) }

// moody has an answer that panics.
type moody struct{}

func (moody) Error() string { return "moody" }
func (moody) Timeout() bool { panic("no answer") }

// endless wraps itself twice: a walk that does not count has no end.
type endless struct{}

func (endless) Error() string   { return "endless" }
func (endless) Unwrap() []error { return []error{endless{}, endless{}} }

func TestIsTransient(t *testing.T) {
	t.Parallel()

	refused := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}

	tests := []struct {
		reason string
		err    error
		want   bool
	}{
		{reason: "no error does not fail", err: nil},
		{reason: "most errors stay", err: errBroken},
		{reason: "a codec may say for now", err: codec.Transient(errBroken), want: true},
		{reason: "also inside of another error", err: fmt.Errorf("key: %w", codec.Transient(errBroken)), want: true},
		{reason: "the outermost word counts: for good", err: codec.Permanent(codec.Transient(errBroken))},
		{reason: "the outermost word counts: for now", err: codec.Transient(codec.Permanent(errBroken)), want: true},
		{reason: "a codec may say for good of what would pass", err: codec.Permanent(context.DeadlineExceeded)},
		{reason: "an error may have the method itself", err: fmt.Errorf("key: %w", answer(true)), want: true},
		{reason: "and say no with it, whatever it wraps", err: fmt.Errorf("key: %w", answer(false))},
		{reason: "the invocation ends", err: fmt.Errorf("key: %w", context.Canceled), want: true},
		{reason: "the time is up", err: context.DeadlineExceeded, want: true},
		{reason: "a deadline of a connection", err: os.ErrDeadlineExceeded, want: true},
		{reason: "a service that is not up", err: refused, want: true},
		{reason: "the same inside of an HTTP error", err: &url.Error{Op: "Get", URL: "http://a", Err: refused}, want: true},
		{reason: "a connection that broke", err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}, want: true},
		{reason: "a name server that failed", err: &net.DNSError{Err: "server misbehaving", IsTemporary: true}, want: true},
		{reason: "a name that does not exist", err: &net.DNSError{Err: "no such host", IsNotFound: true}},
		{reason: "too many open files", err: &fs.PathError{Op: "open", Path: "a", Err: syscall.EMFILE}, want: true},
		{reason: "a file that is not there", err: &fs.PathError{Op: "open", Path: "a", Err: syscall.ENOENT}},
		{reason: "a file that may not be read", err: &fs.PathError{Op: "open", Path: "a", Err: syscall.EACCES}},
		{reason: "a payload that ends early ends early again", err: io.ErrUnexpectedEOF},
		{reason: "JSON that is not", err: json.Unmarshal([]byte("{"), new(int))},
		{reason: "one of several passes", err: errors.Join(errBroken, context.Canceled), want: true},
		{reason: "one of several is for good", err: errors.Join(context.Canceled, codec.Permanent(errBroken))},
		{reason: "an error without an error inside", err: errors.Join(nil, nil)},
		{reason: "a method that panics", err: moody{}},
		{reason: "an error that wraps itself", err: endless{}},
		{reason: "an *Error is what its field says", err: &codec.Error{Transient: true}, want: true},
		{reason: "a nil *Error", err: (*codec.Error)(nil)},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			if got := codec.IsTransient(tt.err); got != tt.want {
				t.Errorf("IsTransient(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
}

func TestMarksKeepTheError(t *testing.T) {
	t.Parallel()

	for _, mark := range []func(error) error{codec.Transient, codec.Permanent} {
		if err := mark(nil); err != nil {
			t.Errorf("mark(nil) = %v, want nil", err)
		}

		cause := fmt.Errorf("key %d: %w", 1, errBroken)
		if err := mark(cause); err.Error() != cause.Error() || !errors.Is(err, errBroken) {
			t.Errorf("mark(%v) = %v, want the same text and tree", cause, err)
		}
	}
}

// marshaler fails inside of encoding/json.
type marshaler struct{ err error }

func (m marshaler) MarshalJSON() ([]byte, error) { return nil, m.err }
func (m marshaler) UnmarshalJSON([]byte) error   { return m.err }

func TestConversionsSayWhetherTheyMayBeRepeated(t *testing.T) {
	t.Parallel()

	late := codec.Transient(errors.New("the key service is late"))
	typed := codec.Of(func(int) ([]byte, error) { return nil, late }, func([]byte) (int, error) { return 0, late })

	tests := []struct {
		reason string
		codec  codec.Codec
		v      any
		want   bool
	}{
		{reason: "what the codec returns", codec: stub{err: late}, v: new(int), want: true},
		{reason: "a plain error", codec: stub{err: errBroken}, v: new(int)},
		{reason: "a panic is a mistake, whatever its value", codec: stub{panics: late}, v: new(int)},
		{reason: "a typed codec", codec: typed.Codec(), v: 1, want: true},
		{reason: "a method of the value", codec: codec.JSON(), v: &marshaler{late}, want: true},
		{reason: "a nil codec", codec: nil, v: new(int)},
		{
			reason: "an *Error of the codec's own", want: true, v: new(int),
			codec: stub{err: &codec.Error{Operation: "mine", Transient: true}},
		},
	}

	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()

			_, encoding := codec.Encode(t.Context(), tt.codec, charge, tt.v)

			target := tt.v
			if n, ok := tt.v.(int); ok {
				target = &n
			}

			decoding := codec.Decode(t.Context(), tt.codec, charge, []byte("1"), target)

			for _, err := range []error{encoding, decoding} {
				e, ok := errors.AsType[*codec.Error](err)
				if !ok || e.Transient != tt.want || codec.IsTransient(err) != tt.want {
					t.Errorf("error = %#v, want an *Error with Transient %v", err, tt.want)
				}
			}
		})
	}
}

func TestTransientSurvivesTheLog(t *testing.T) {
	t.Parallel()

	known := codec.ErrorType[*codec.Error]("codec.Error")

	for _, cause := range []error{errBroken, codec.Transient(errBroken)} {
		_, live := codec.Encode(t.Context(), stub{err: cause}, charge, nil)
		data, _ := known.Match(live)

		if restored := known.Restore(data); codec.IsTransient(restored) != codec.IsTransient(live) {
			t.Errorf("IsTransient = %v after the log and %v before", codec.IsTransient(restored), codec.IsTransient(live))
		}
	}
}

// failing is a codec that fails with an error.
type failing struct{ cause error }

func (c failing) Encode(context.Context, codec.Meta, any) ([]byte, error) { return nil, c.cause }
func (c failing) Decode(context.Context, codec.Meta, []byte, any) error   { return c.cause }

// TestErrorOfACodecWhoseMethodsPanic: what a codec fails with is a *codec.Error whatever it is.
func TestErrorOfACodecWhoseMethodsPanic(t *testing.T) {
	t.Parallel()

	for _, cause := range []error{moody{}, endless{}} {
		_, encoded := codec.Encode(t.Context(), failing{cause}, codec.Meta{}, 1)
		decoded := codec.Decode(t.Context(), failing{cause}, codec.Meta{}, []byte("1"), new(int))

		for _, err := range []error{encoded, decoded} {
			if e, ok := err.(*codec.Error); !ok || e.Transient || e.Reason != cause.Error() { //nolint:errorlint // it is one itself
				t.Errorf("a cause of %T: got %T %v", cause, err, err)
			}
		}
	}
}
