package wire_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/perdure/perdure/internal/wire"
)

// around is the payload of a batch whose first branch has ended with a payload, and whose others
// have ended with an error, with nothing and with a text.
func around(payload string) string {
	e := wire.Envelope{Reason: "ALL_COMPLETED", Winner: -1}
	e.Add(wire.Ending{Status: wire.BranchSucceeded, Item: wire.Item{Payload: &payload}})
	e.Add(wire.Ending{Status: wire.BranchFailed, Item: wire.Item{Failure: &wire.Failure{Type: "E", Message: `"no"`, Data: "{}"}}})
	e.Add(wire.Ending{Status: wire.BranchStarted})
	e.Add(wire.Ending{Status: wire.BranchSucceeded, Item: wire.Item{Payload: new("")}})
	return string(e.Encode())
}

// TestNestedEnvelopesGrowWithTheirDepth: a batch that is an operand adds its own size to what is in
// it, whatever payloads are, and each is read as it was written.
func TestNestedEnvelopesGrowWithTheirDepth(t *testing.T) {
	t.Parallel()
	const depth, most = 64, 400
	for _, leaf := range []string{
		"1", `"<a> & \"b\""`, "", "not JSON: \x01 \" \\ \u2028", `{"perdure":`, `{"perdure":{"continuedAs":"arn"}}`,
		`{"perdure": {"reason":"R","items":[{"payload":"{\"perdure\":{}}"}]}}`, // with a space, as no envelope has
		`{"perdure":"{\"perdure\":\"\u003c\"}"}`,
		strings.Repeat(`"`, 100),
	} {
		written := []string{leaf}
		for range depth {
			written = append(written, around(written[len(written)-1]))
		}
		if n, bound := len(written[depth]), 8*len(leaf)+depth*most; n > bound {
			t.Errorf("%.40q in %d batches takes %d bytes, want at most %d", leaf, depth, n, bound)
		}
		for i := depth; i > 0; i-- {
			e, ok := wire.ReadEnvelope([]byte(written[i]))
			if !ok || len(e.Items) != 4 || e.Status != "SF-S" || e.Winner != -1 {
				t.Fatalf("%.40q in %d batches is read as %v %+v", leaf, i, ok, e)
			}
			want := []wire.Item{{Payload: &written[i-1]}, {Failure: &wire.Failure{Type: "E", Message: `"no"`, Data: "{}"}}, {}, {Payload: new("")}}
			if diff := cmp.Diff(want, e.Items); diff != "" {
				t.Fatalf("%.40q in %d batches (-want +got):\n%.1000s", leaf, i, diff)
			}
		}
	}
}

// TestNestedEnvelopeOnTheWire: these texts are frozen, too. Two batches are what they have always
// been.
func TestNestedEnvelopeOnTheWire(t *testing.T) {
	t.Parallel()
	text := "1"
	for i, want := range []string{
		`{"perdure":{"reason":"R","winner":0,"status":"S","items":[{"payload":"1"}]}}`,
		`{"perdure":{"reason":"R","winner":0,"status":"S","items":[{"payload":"{\"perdure\":{\"reason\":\"R\",\"winner\":0,\"status\":\"S\",\"items\":[{\"payload\":\"1\"}]}}"}]}}`,
		`{"perdure":{"reason":"R","winner":0,"status":"S","items":[{"payload":{"perdure":{"reason":"R","winner":0,"status":"S","items":[{"payload":"{\"perdure\":{\"reason\":\"R\",\"winner\":0,\"status\":\"S\",\"items\":[{\"payload\":\"1\"}]}}"}]}}}]}}`,
	} {
		e := wire.Envelope{Reason: "R"}
		e.Add(wire.Ending{Status: wire.BranchSucceeded, Item: wire.Item{Payload: new(text)}})
		if text = string(e.Encode()); text != want {
			t.Errorf("%d batches: got\n%s\nwant\n%s", i+1, text, want)
		}
	}
}
