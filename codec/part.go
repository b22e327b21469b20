package codec

import (
	"fmt"
	"strconv"
)

// Part is the part of an operation that a payload holds: Result, Input, State or Failure.
type Part int

// The parts of an operation.
const (
	// PartResult is what an operation, a group or the handler returned. It is the zero value.
	PartResult Part = iota
	// PartInput is what an invoked function or the handler is given.
	PartInput
	// PartState is what an attempt hands to the next one.
	PartState
	// PartFailure is the message, the data and the stack of an error.
	PartFailure
)

// String returns the part in lower case: result, input, state or failure.
func (p Part) String() string {
	switch p {
	case PartResult:
		return "result"
	case PartInput:
		return "input"
	case PartState:
		return "state"
	case PartFailure:
		return "failure"
	}

	return "Part(" + strconv.Itoa(int(p)) + ")"
}

// MarshalText returns the text of String, so that a recorded [Error] does not depend on numbers.
func (p Part) MarshalText() ([]byte, error) {
	return []byte(p.String()), nil
}

// UnmarshalText reads what MarshalText wrote. It returns an error for any other text.
func (p *Part) UnmarshalText(text []byte) error {
	for _, known := range []Part{PartResult, PartInput, PartState, PartFailure} {
		if string(text) == known.String() {
			*p = known
			return nil
		}
	}

	return fmt.Errorf("codec: unknown part %q: want result, input, state or failure", text)
}
