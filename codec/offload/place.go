package offload

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/perdure/perdure/codec"
)

// ErrMoved says that a reference was written for another place in the log. That finds mistakes; who
// can write to the log can write a reference for any place, unless package seal stands before this
// one.
var ErrMoved = errors.New("the reference was written for another place")

// The kinds of places, which a reference begins to name its own with.
const (
	placeOwn    = 'o' // in an execution alone
	placeInput  = 'i' // the input of a function that is invoked or started, or of a successor
	placeAnswer = 'r' // the result or the error of a handler
)

// placeOf names the place that a payload is written for: its kind, and a hash of the rest.
func placeOf(m codec.Meta) string {
	kind := byte(placeOwn)

	switch {
	case m.Part == codec.PartInput && m.Function != "":
		kind = placeInput
	case m.Part != codec.PartInput && m.OperationID == "":
		kind = placeAnswer
	}

	text := make([]byte, 0, 512) // on the stack, in most cases
	for _, s := range [...]string{m.ExecutionARN, m.Function, m.OperationID, m.Part.String()} {
		text = append(append(strconv.AppendInt(text, int64(len(s)), 10), ':'), s...)
	}

	sum := sha256.Sum256(text)

	return string(hex.AppendEncode([]byte{kind}, sum[:16]))
}

func isPlace(s string) bool {
	return len(s) == 33 && strings.IndexByte("oir", s[0]) >= 0 && strings.Trim(s[1:], "0123456789abcdef") == ""
}

// fits reports whether the reference may stand there: where it was written, in a fork where it
// stands in the execution that was forked, as input of a handler one that was written as the input
// of a function, and as result or error of an invoke that of an execution of the function.
func (r reference) fits(m codec.Meta) bool {
	if r.place == "" || r.place == placeOf(m) {
		return true
	}

	for _, arn := range m.ForkedFrom {
		from := m
		from.ExecutionARN = arn

		if r.place == placeOf(from) {
			return true
		}
	}

	switch {
	case m.Part == codec.PartInput && m.OperationID == "":
		return r.place[0] == placeInput
	case m.Part != codec.PartInput && m.Function != "":
		return r.place[0] == placeAnswer && strings.HasPrefix(r.key.Scope, nameOf(m.Function)+"_")
	}

	return false
}

// nameOf returns the name of a function that is given as "name", "name:qualifier",
// "account:function:name" or an ARN (Lambda API, FunctionName).
func nameOf(function string) string {
	if _, after, ok := strings.Cut(function, "function:"); ok {
		function = after
	}

	name, _, _ := strings.Cut(function, ":")

	return strings.Map(inScope, name)
}

// inScope is a character as scopes have it.
func inScope(r rune) rune {
	if notInScope(r) {
		return '-'
	}

	return r
}
