package redact_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/codec"
	"github.com/perdure/perdure/codec/seal"
	"github.com/perdure/perdure/internal/draws"
	"github.com/perdure/perdure/internal/oplog"
	"github.com/perdure/perdure/internal/wire"

	"github.com/perdure/perdure/cmd/perdure/internal/redact"
)

func TestPayloads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, name, payload, want string
		keep                        []string
	}{
		{"members, arrays, booleans and null stay", "charge", `{"id":"A-17","ok":true,"lines":[{"cents":250,"note":null}],"none":[],"empty":""}`, `{"id":"xxxx","ok":true,"lines":[{"cents":0,"note":null}],"none":[],"empty":""}`, nil},
		{"the order of members stays", "charge", `{"b":1,"a":2}`, `{"b":0,"a":0}`, nil},
		{"a string has the length of its class", "charge", `["","a","abcd","abcde","ä"]`, `["","xxxx","xxxx","xxxxxxxx","xxxx"]`, nil},
		{"what is read in a form keeps it", "charge", `["2026-03-02T09:00:00.5+01:00","2026-03-02","09:00:00","123456","6ba7b810-9dad-11d1-80b4-00c04fd430c8","SGVsbG8="]`, `["2000-01-01T00:00:00Z","2000-01-01","00:00:00","0","00000000-0000-0000-0000-000000000000","xxxxxxxx"]`, nil},
		{"a number", "charge", `12.5e3`, `0`, nil},
		{"no JSON", "charge", `it is a secret`, `xxxxxxxxxxxxxxxx`, nil},
		{"a beginning of JSON", "charge", `{"a":`, `xxxxxxxx`, nil},
		{"more than a document", "charge", `{} {}`, `xxxxxxxx`, nil},
		{"what is kept", "charge", `{"status":"declined","card":"4111","total":{"cents":5}}`, `{"status":"declined","card":"0","total":{"cents":5}}`, []string{"charge.status", "charge.total"}},
		{"what is kept of elements", "pack[A-1]", `{"lines":[{"sku":"a","n":1},{"sku":"b","n":2}]}`, `{"lines":[{"sku":"a","n":0},{"sku":"b","n":0}]}`, []string{"pack.lines[].sku"}},
		{"what is kept of all operations", "charge", `{"status":"declined"}`, `{"status":"declined"}`, []string{"*.status"}},
		{"a payload that is kept", "charge", `{"a":"b"}`, `{"a":"b"}`, []string{"charge"}},
		{"a text that is kept", "charge", `a secret`, `a secret`, []string{"charge"}},
		{"of another operation", "charge", `"a"`, `"xxxx"`, []string{"pay"}},
	}
	for _, tt := range tests {
		e := local.Event{Type: local.EventStepSucceeded, Name: tt.name, Result: checkpoint.TextPayload(tt.payload)}
		if got := (&redact.Redactor{Keep: tt.keep}).Event(e).Result.String(); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.reason, got, tt.want)
		}
	}
}

// TestKeysStay: what is the key of an operation, or names an item, stays in payloads: the handler
// would declare other operations without it.
func TestKeysStay(t *testing.T) {
	t.Parallel()
	r := redact.Redactor{}
	started := local.Event{Type: local.EventExecutionStarted, Name: "A-1", Input: checkpoint.TextPayload(
		`{"items":["hat","a/b [c]","scarf"],"id":7,"n":"7","other":8,"name":"A-1","pack":"pack","":""}`,
	)}
	r.KeepKeys([]local.Event{
		started,
		{Type: local.EventContextStarted, Name: "hat", SubType: "MapIteration", OperationID: "1"},
		{Type: local.EventStepStarted, Name: "pack[7]", SubType: "Step", OperationID: "2"},
		{Type: local.EventStepStarted, Name: oplog.WireName("pack", "a/b [c]"), SubType: "Step", OperationID: "3"},
		{Type: local.EventContextStarted, Name: "gift", SubType: "ParallelBranch", OperationID: "4"},
	})
	want := `{"items":["hat","a/b [c]","xxxxxxxx"],"id":7,"n":"7","other":0,"name":"xxxx","pack":"xxxx","":""}`
	if got := r.Event(started).Input.String(); got != want {
		t.Errorf("the input is %s, want %s", got, want)
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	var r redact.Redactor
	input := r.Event(local.Event{Type: local.EventExecutionStarted, Name: "A-1", Input: checkpoint.TextPayload(`{"id":"A-1"}`)})
	if got := input.Input.String(); got != `{"id":"xxxx"}` || input.Name != "A-1" {
		t.Errorf("the input: %s of %s", got, input.Name)
	}
	kept := (&redact.Redactor{Keep: []string{"input.id"}}).Event(local.Event{Type: local.EventExecutionStarted, Input: checkpoint.TextPayload(`{"id":"A-1"}`)})
	if got := kept.Input.String(); got != `{"id":"A-1"}` {
		t.Errorf("the input that is kept: %s", got)
	}
	failed := r.Event(local.Event{Type: local.EventStepFailed, Name: "charge", Failure: &checkpoint.Failure{
		Type: "declined", Message: "card 4111", Stack: []string{"main.go:1"},
		Data: `{"perdure":{"known":[{"name":"declined","data":"{\"Card\":\"4111 1111\"}"}],"state":"{\"page\":7}","cuts":2,"encoded":"abc"}}`,
	}})
	want := &checkpoint.Failure{
		Type: "declined", Message: "xxxxxxxxxxxxxxxx",
		Data: `{"perdure":{"known":[{"name":"declined","data":"{\"Card\":\"xxxxxxxxxxxxxxxx\"}"}],"state":"{\"page\":0}","cuts":2}}`,
	}
	if diff := cmp.Diff(want, failed.Failure); diff != "" {
		t.Errorf("an error (-want +got):\n%s", diff)
	}
	outside := r.Event(local.Event{Type: local.EventCallbackFailed, Failure: &checkpoint.Failure{Type: "Refused", Data: `{"by":"me"}`}})
	if outside.Failure.Data != `{"by":"xxxx"}` {
		t.Errorf("an error from outside: %s", outside.Failure.Data)
	}
	p, f := `{"sku":"hat"}`, wire.Failure{Type: "broken", Message: "secret"}
	batch := wire.Envelope{Reason: "all", Winner: -1, Status: "SF", IDs: "ab", Items: []wire.Item{{Payload: &p}, {Failure: &f}}, Summary: "secret"}
	got, ok := wire.ReadEnvelope(r.Event(local.Event{Type: local.EventContextSucceeded, Result: checkpoint.NewPayload(batch.Encode())}).Result.Bytes())
	q, g := `{"sku":"xxxx"}`, wire.Failure{Type: "broken", Message: "xxxxxxxx"}
	wanted := &wire.Envelope{Reason: "all", Winner: -1, Status: "SF", IDs: "ab", Items: []wire.Item{{Payload: &q}, {Failure: &g}}, Summary: "xxxxxxxx"}
	if diff := cmp.Diff(wanted, got); !ok || diff != "" {
		t.Errorf("a batch (-want +got):\n%s", diff)
	}
}

// TestSealedPayloadsAreWithheld: nothing is known of them, and what is not there cannot be opened.
func TestSealedPayloadsAreWithheld(t *testing.T) {
	t.Parallel()
	key, err := seal.NewKey("k1", []byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := codec.Encode(t.Context(), codec.Chain(codec.JSON(), seal.New(seal.Static(key))), codec.Meta{ExecutionARN: "arn", OperationID: "charge-1", OperationName: "charge"}, "a secret")
	if err != nil {
		t.Fatal(err)
	}
	e := (&redact.Redactor{}).Event(local.Event{Type: local.EventStepSucceeded, Result: checkpoint.NewPayload(payload)})
	if why, ok := e.Result.Withheld(); !ok || why != redact.Withheld {
		t.Errorf("a sealed payload: %q, %t", why, ok)
	}
	text := string(payload)
	envelope := wire.Envelope{Status: "S", Winner: -1, Items: []wire.Item{{Payload: &text}}}
	e = (&redact.Redactor{}).Event(local.Event{Type: local.EventContextSucceeded, Result: checkpoint.NewPayload(envelope.Encode())})
	if why, ok := e.Result.Withheld(); !ok || why != redact.Withheld {
		t.Errorf("a batch with a sealed payload: %s", e.Result.String())
	}
	e = (&redact.Redactor{}).Event(local.Event{Type: local.EventStepFailed, Failure: &checkpoint.Failure{
		Type: "declined", Data: `{"perdure":{"encoded":"abc"}}`,
	}})
	log := local.LogOf("arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/a/b", []local.Event{e})
	if why, ok := log.Operations[0].Payload.Withheld(); !ok || why != redact.Withheld || e.Failure.Type != "declined" {
		t.Errorf("a sealed error: %+v", e)
	}
	cut := checkpoint.WithheldPayload("cut off")
	e = (&redact.Redactor{}).Event(local.Event{Type: local.EventStepSucceeded, Result: cut})
	if why, _ := e.Result.Withheld(); why != "cut off" {
		t.Errorf("a payload that is withheld: %q", why)
	}
}

const secret = "pl4nt3d-s3cr3t"

// TestNoSecretIsLeft: of random events, with a secret in every place that data may be in, nothing
// of it is left; the structure is the same; and what is redacted stays so.
func TestNoSecretIsLeft(t *testing.T) {
	t.Parallel()
	for seed := range draws.Count(2000) {
		r := rand.New(rand.NewPCG(uint64(seed), 7))
		doc, text := planted(r, 3), ""
		if b, err := json.Marshal(doc); err == nil {
			text = string(b)
		}
		e := local.Event{Type: local.EventStepFailed, Name: "charge[" + strconv.Itoa(seed) + "]", OperationID: "charge-1", SubType: "Step"}
		switch r.IntN(5) {
		case 0:
			e.Type, e.Result = local.EventStepSucceeded, checkpoint.TextPayload(text)
		case 1:
			p := text
			env := wire.Envelope{Status: "S", Items: []wire.Item{{Payload: &p, Failure: &wire.Failure{Message: secret, Data: text, Stack: []string{secret}}}}, Summary: secret}
			e.Type, e.Result = local.EventContextSucceeded, checkpoint.NewPayload(env.Encode())
		case 2:
			known, err := json.Marshal(map[string]any{"perdure": map[string]any{"known": []any{map[string]string{"name": "declined", "data": text}}, "state": text, "encoded": text}})
			if err != nil {
				t.Fatal(err)
			}
			e.Failure = &checkpoint.Failure{Type: "declined", Message: "no: " + secret, Data: string(known), Stack: []string{secret}}
		case 3:
			e.Failure = &checkpoint.Failure{Type: "declined", Data: text + secret}
		case 4:
			e.Type, e.Input, e.Tenant = local.EventChainedInvokeStarted, checkpoint.TextPayload(secret+text), secret
			e.Reason = secret
		}
		got := (&redact.Redactor{Keep: []string{"other.id"}}).Event(e)
		out, err := got.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), secret) || strings.Contains(string(out), "987654321") || strings.Contains(got.Reason, secret) {
			t.Fatalf("seed %d: the secret is left in %s, of %+v", seed, out, e)
		}
		if e.Type == local.EventStepSucceeded {
			if was, is := shape(t, text), shape(t, got.Result.String()); was != is {
				t.Fatalf("seed %d: the structure of %s is %s, and was %s", seed, text, is, was)
			}
		}
		if again := (&redact.Redactor{}).Event(got); fmt.Sprintf("%+v", again.Failure) != fmt.Sprintf("%+v", got.Failure) || !again.Result.Equal(got.Result) || !again.Input.Equal(got.Input) {
			t.Fatalf("seed %d: redacted twice %+v, once %+v", seed, again, got)
		}
	}
}

// planted makes a document of which each value is the secret, or a number that is one.
func planted(r *rand.Rand, depth int) any {
	switch n := r.IntN(6); {
	case n == 0 && depth > 0:
		m := map[string]any{}
		for i := range r.IntN(4) {
			m["m"+strconv.Itoa(i)] = planted(r, depth-1)
		}
		return m
	case n == 1 && depth > 0:
		s := make([]any, r.IntN(4))
		for i := range s {
			s[i] = planted(r, depth-1)
		}
		return s
	case n == 2:
		return 987654321 + r.IntN(9)*1_000_000_000
	case n == 3:
		return r.IntN(2) == 0
	case n == 4:
		return nil
	}
	return []string{secret, "a\n" + secret + "\"", "<" + secret + ">", strings.Repeat(secret, 9)}[r.IntN(4)]
}

// shape is a document without its strings and numbers.
func shape(t *testing.T, doc string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(doc), &v); err != nil {
		t.Fatal(err)
	}
	var plain func(v any) any
	plain = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for k := range v {
				v[k] = plain(v[k])
			}
		case []any:
			for i := range v {
				v[i] = plain(v[i])
			}
		case string:
			return "s"
		case float64:
			return 0
		}
		return v
	}
	out, err := json.Marshal(plain(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
