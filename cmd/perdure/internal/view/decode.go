package view

import (
	"regexp"
	"strconv"

	"github.com/perdure/perdure/checkpoint"
)

// undecoded finds the name of the operation whose result an error says cannot be decoded (package
// codec).
var undecoded = regexp.MustCompile(`codec: decode result of ("(?:[^"\\]|\\.)*"): `)

// Undecoded returns the operation whose result the execution has failed with, since the code
// decodes it as another type; nil if that is not why. What is recorded stays: it fails again where
// it is replayed.
func (h *History) Undecoded(f *checkpoint.Failure) *Operation {
	if f == nil {
		return nil
	}
	found := undecoded.FindStringSubmatch(f.Message)
	if found == nil {
		return nil
	}
	name, err := strconv.Unquote(found[1])
	if err != nil {
		return nil
	}
	for _, o := range h.All {
		if o.name() == name && o.Status == checkpoint.StatusSucceeded {
			return o
		}
	}
	return nil
}

// answeredOutside reports whether the result of the operation came from outside, and may have been
// of a wrong type.
func (o *Operation) answeredOutside() bool {
	return o.Kind == "callback" || o.SubType == "WaitForCallback"
}

// wrongResult says what can be done about a recorded result that the code decodes as another type.
func wrongResult(o *Operation) string {
	fork := "`perdure fork EXECUTION --before " + Quoted(o.Path()) + "`"
	if o.answeredOutside() {
		return "The answer of callback \"" + o.Label() + "\" is not of the type that the code decodes. It stays, so a redrive fails again: " +
			"on this machine begin before it, and answer it again: " + fork + ". On AWS start one with the same input under another name. " +
			"If the type in the code is what is wrong, mend the code; then redrive it on this machine."
	}
	return "The code decodes the result of \"" + o.Label() + "\" as another type than it was recorded with. It stays, so mend the type in the code; " +
		"then redrive it on this machine. Or have it run again: " + fork + " on this machine, or one with the same input under another name."
}
