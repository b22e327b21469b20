package codec

import (
	"errors"
	"fmt"
	"strings"
)

var errNilCodec = errors.New("the codec is nil: leave the option out, or pass codec.JSON()")

// Error reports that a value could not be encoded or a payload could not be decoded. A handler can
// catch it with errors.As. Unless Transient is set it is permanent: no attempt is repeated for it.
//
// An Error survives encoding as JSON with its fields and its message; its cause is then gone and
// Reason holds the cause's text. Fields that are not valid UTF-8 have the invalid bytes replaced by
// U+FFFD.
type Error struct {
	// Operation is the name of the operation; empty for the input and the result of the handler.
	Operation string `json:"operation,omitempty"`
	// ID is the ID of the operation's record; empty for the input and the result of the handler.
	ID string `json:"id,omitempty"`
	// Part is what was converted; the zero value is Result.
	Part Part `json:"part"`
	// Decoding distinguishes a payload that could not be decoded from a value that could not be
	// encoded.
	Decoding bool `json:"decoding,omitempty"`
	// Transient says that the conversion failed for now, as [IsTransient] finds by the cause; false
	// means for good.
	Transient bool `json:"transient,omitempty"`
	// Reason is the text of the cause.
	Reason string `json:"reason"`

	cause error
}

// Error returns what was converted and why that failed: codec: encode result of "charge": ….
func (e *Error) Error() string {
	verb, of := "encode", ""
	if e.Decoding {
		verb = "decode"
	}

	if e.Operation != "" {
		of = fmt.Sprintf(" of %q", e.Operation)
	}

	return "codec: " + verb + " " + e.Part.String() + of + ": " + e.Reason
}

// Unwrap returns the cause. It is nil after a replay: only the cause's text is recorded, in Reason.
func (e *Error) Unwrap() error {
	return e.cause
}

func newError(m Meta, decoding bool, cause error) *Error {
	cause = readable(cause)

	return &Error{
		Operation: valid(m.OperationName),
		ID:        valid(m.OperationID),
		Part:      m.Part,
		Decoding:  decoding,
		Transient: IsTransient(cause),
		Reason:    valid(cause.Error()),
		cause:     cause,
	}
}

// readable returns err, or what says that it is a nil pointer whose Error method panics.
func readable(err error) (out error) {
	if fmt.Sprintf("%p", err) != "0x0" {
		return err
	}

	defer func() {
		if p := recover(); p != nil {
			out = fmt.Errorf("a nil %T was returned as error: its method Error panics: %v", err, p)
		}
	}()

	_ = err.Error()

	return err
}

// wrap makes an *Error of err unless err is one.
func wrap(m Meta, decoding bool, err error) error {
	if e, ok := err.(*Error); ok && e != nil { //nolint:errorlint // an *Error inside of another error still needs a name and a part
		return e
	}

	return newError(m, decoding, err)
}

// panicked makes an error of a recovered panic. A panic is a mistake in the codec, whatever its
// value is.
func panicked(p any) error {
	if err, ok := p.(error); ok {
		return Permanent(fmt.Errorf("the codec panicked: %w", err))
	}

	return fmt.Errorf("the codec panicked: %v", p)
}

// valid makes s survive JSON unchanged.
func valid(s string) string {
	return strings.ToValidUTF8(s, "\uFFFD")
}
