package checkpoint_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/checkpoint"
)

func FuzzDecodeInvocation(f *testing.F) {
	f.Add([]byte(withOperations(`{"Id":"a","Type":"STEP","Status":"STARTED"}`)))
	f.Add([]byte(withOperations(`{"iD":"\u00e9\ud83d\ude00\ud83d","Type":"CONTEXT","Status":"FAILED","Name":"` + "\xff" +
		`","StartTimestamp":1.5e3,"ContextDetails":{"Error":{"StackTrace":["a",null]}}}`)))
	f.Add([]byte(withOperations(`{"Id":"a","Type":"WAIT","Status":"STARTED","StartTimestamp":"2026-01-01 00:00:00+00:00"},null`)))
	f.Add([]byte(`{"DurableExecutionArn":"a","CheckpointToken":"t","UpdatedOperationIds":["x"],"X":[{},[],-0.1e-2]}`))
	var b bytes.Buffer
	if err := json.Indent(&b, event(f, steps(3, 20)), "", "\t"); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, event []byte) {
		if ambiguous(event) {
			t.Skip("encoding/json merges what a repeated key holds")
		}
		got, err := checkpoint.DecodeInvocation(event)
		want, oracle := oracleDecode(event)
		if (err == nil) != (oracle == nil) {
			t.Fatalf("error %v, encoding/json says %v", err, oracle)
		}
		if err != nil {
			return
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-encoding/json +got):\n%s", diff)
		}
	})
}

// ambiguous reports whether an object has a key twice, or one that means the same as another.
func ambiguous(event []byte) bool {
	d := json.NewDecoder(bytes.NewReader(event))
	d.UseNumber()
	type object struct {
		keys  []string
		isKey bool
	}
	var open []*object
	for {
		tok, err := d.Token()
		if err != nil {
			return false
		}
		var top *object
		if len(open) > 0 {
			top = open[len(open)-1]
		}
		if top != nil && top.keys != nil && top.isKey {
			if key, ok := tok.(string); ok {
				for _, k := range top.keys {
					if sameMeaning(k, key) {
						return true
					}
				}
				top.keys, top.isKey = append(top.keys, key), false
				continue
			}
		}
		switch tok {
		case json.Delim('{'):
			open = append(open, &object{keys: []string{""}, isKey: true})
			continue
		case json.Delim('['):
			open = append(open, &object{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
			if len(open) > 0 {
				open[len(open)-1].isKey = true
			}
		default:
			if top != nil {
				top.isKey = true
			}
		}
	}
}

func sameMeaning(a, b string) bool {
	class := func(key string) string {
		for _, name := range []string{
			"ExecutionDetails", "ContextDetails", "StepDetails", "WaitDetails", "CallbackDetails", "ChainedInvokeDetails",
		} {
			if strings.EqualFold(key, name) {
				return "Details"
			}
		}
		if strings.EqualFold(key, "InputPayload") {
			return "Result"
		}
		return key
	}
	return strings.EqualFold(class(a), class(b))
}
