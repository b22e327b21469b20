package checkpoint

import (
	"bytes"
	"encoding/json"
)

// continued is the result of an execution that goes on as another one.
type continued struct {
	Perdure struct {
		ContinuedAs string `json:"continuedAs"`
	} `json:"perdure"`
}

// continuedPrefix begins it.
const continuedPrefix = `{"perdure":{"continuedAs":`

// ContinuedResult is the result of an execution that has ended by starting its successor:
// replay.ContinueAsNew. It is JSON, whatever the codec of the handler is, and names the successor.
func ContinuedResult(successor string) []byte {
	var c continued
	c.Perdure.ContinuedAs = successor
	text, _ := json.Marshal(c) // a string
	return text
}

// ContinuedAs returns the ARN of the execution that another one goes on as, given the result of
// that. ok is false for every other result.
func ContinuedAs(result []byte) (successor string, ok bool) {
	if !bytes.HasPrefix(result, []byte(continuedPrefix)) {
		return "", false
	}
	var c continued
	if json.Unmarshal(result, &c) != nil || c.Perdure.ContinuedAs == "" {
		return "", false
	}
	return c.Perdure.ContinuedAs, true
}
