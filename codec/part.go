package codec

import (
	"fmt"
	"strconv"
)

// Part is the part of an operation that a payload holds: Result, Input, State or Failure.
type Part int

// The parts of an operation.
const (
	// Result is what an operation, a group or the handler returned. It is the zero value.
	Result Part = iota
	// Input is what an invoked function or the handler is given.
	Input
	// State is what an attempt hands to the next one.
	State
	// Failure is the message, the data and the stack of an error.
	Failure
)

// String returns the part in lower case: result, input, state or failure.
func (p Part) String() string {
	switch p {
	case Result:
		return "result"
	case Input:
		return "input"
	case State:
		return "state"
	case Failure:
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
	for _, known := range []Part{Result, Input, State, Failure} {
		if string(text) == known.String() {
			*p = known
			return nil
		}
	}

	return fmt.Errorf("codec: unknown part %q: want result, input, state or failure", text)
}
