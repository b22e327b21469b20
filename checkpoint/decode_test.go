package checkpoint_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/perdure/perdure/checkpoint"
)

const (
	arn   = "arn:aws:lambda:us-east-1:123456789012:function:order:7/durable-execution/order-42/8f3c1a"
	token = "eyJ0b2tlbiI6MX0="
)

// withOperations returns an event with these records.
func withOperations(records string) string {
	return `{"DurableExecutionArn":"` + arn + `","CheckpointToken":"` + token + `",` +
		`"InitialExecutionState":{"Operations":[` + records + `]}}`
}

func TestDecodeInvocation(t *testing.T) {
	t.Parallel()
	at := func(ms int64) time.Time { return time.UnixMilli(ms).UTC() }
	text := checkpoint.TextPayload
	tests := []struct {
		reason, event string
		want          checkpoint.Invocation
	}{
		{
			reason: "a first invocation",
			event: `{"DurableExecutionArn":"` + arn + `","CheckpointToken":"` + token + `",
				"InitialExecutionState":{"Operations":[{"Id":"8f3c1a","Name":"order-42","Type":"EXECUTION",
				"Status":"STARTED","StartTimestamp":1767225600000,
				"ExecutionDetails":{"InputPayload":"{\"orderId\":42}"}}],"NextMarker":""}}`,
			want: checkpoint.Invocation{ARN: arn, Token: token, Operations: []checkpoint.Operation{{
				ID: "8f3c1a", Name: "order-42", Kind: checkpoint.KindExecution, Status: checkpoint.StatusStarted,
				Start: at(1767225600000), Payload: text(`{"orderId":42}`),
			}}},
		},
		{
			reason: "the page budget leaves no room even for the execution",
			event: `{"DurableExecutionArn":"` + arn + `","CheckpointToken":"` + token + `",
				"InitialExecutionState":{"Operations":[],"NextMarker":"m"},"UpdatedOperationIds":["a",null,"b"]}`,
			want: checkpoint.Invocation{ARN: arn, Token: token, NextMarker: "m", Updated: []string{"a", "b"}},
		},
		{
			reason: "a fork, of a fork",
			event: `{"DurableExecutionArn":"` + arn + `","CheckpointToken":"` + token + `",
				"InitialExecutionState":{"Operations":[]},"PerdureForkedFrom":["a","b"]}`,
			want: checkpoint.Invocation{ARN: arn, Token: token, ForkedFrom: []string{"a", "b"}},
		},
		{
			reason: "null is the same as absent",
			event: `{"DurableExecutionArn":"` + arn + `","CheckpointToken":"` + token + `","UpdatedOperationIds":null,
				"InitialExecutionState":{"NextMarker":null,"Operations":[null,{"Id":"a","ParentId":null,"Name":null,
				"Type":"STEP","SubType":null,"Status":"READY","StartTimestamp":null,"EndTimestamp":null,
				"ContextDetails":null,"StepDetails":{"Attempt":null,"NextAttemptTimestamp":null,"Result":null,
				"Error":{"ErrorType":null,"StackTrace":null}}}]}}`,
			want: checkpoint.Invocation{ARN: arn, Token: token, Operations: []checkpoint.Operation{{
				ID: "a", Kind: checkpoint.KindStep, Status: checkpoint.StatusReady, Failure: &checkpoint.Failure{},
			}}},
		},
		{
			reason: "each kind has its details",
			event: withOperations(`
				{"Id":"c","Type":"CONTEXT","Status":"SUCCEEDED","SubType":"Map","ContextDetails":{"Result":"","ReplayChildren":true}},
				{"Id":"s","ParentId":"c","Type":"STEP","Status":"PENDING","StepDetails":{"Attempt":2,
				"NextAttemptTimestamp":1767225600500,"Error":{"ErrorType":"T","ErrorMessage":"m","ErrorData":"d",
				"StackTrace":["f","g"]}}},
				{"Id":"w","ParentId":"c","Type":"WAIT","Status":"STARTED","WaitDetails":{"ScheduledEndTimestamp":1}},
				{"Id":"b","Type":"CALLBACK","Status":"TIMED_OUT","CallbackDetails":{"CallbackId":"cb",
				"Error":{"ErrorType":"Callback.Timeout"}}},
				{"Id":"i","Type":"CHAINED_INVOKE","Status":"STOPPED","ChainedInvokeDetails":{"Result":"1"}}`),
			want: checkpoint.Invocation{ARN: arn, Token: token, Operations: []checkpoint.Operation{
				{
					ID: "c", Kind: checkpoint.KindContext, Status: checkpoint.StatusSucceeded, SubType: "Map",
					Payload: text(""), ReplayChildren: true,
				},
				{
					ID: "s", ParentID: "c", Kind: checkpoint.KindStep, Status: checkpoint.StatusPending, Attempt: 2,
					Due:     at(1767225600500),
					Failure: &checkpoint.Failure{Type: "T", Message: "m", Data: "d", Stack: []string{"f", "g"}},
				},
				{ID: "w", ParentID: "c", Kind: checkpoint.KindWait, Status: checkpoint.StatusStarted, Due: at(1)},
				{
					ID: "b", Kind: checkpoint.KindCallback, Status: checkpoint.StatusTimedOut, CallbackID: "cb",
					Failure: &checkpoint.Failure{Type: "Callback.Timeout"},
				},
				{ID: "i", Kind: checkpoint.KindChainedInvoke, Status: checkpoint.StatusStopped, Payload: text("1")},
			}},
		},
		{
			reason: "unknown fields are skipped, whatever they hold",
			event: `{"Version":2,"X":[1,-2.5e3,{"a":[true,false,null,"\u0041"]}],"DurableExecutionArn":"` + arn + `",
				"CheckpointToken":"` + token + `","InitialExecutionState":{"Extra":{},"Operations":[{"Id":"a",
				"Type":"STEP","Status":"STARTED","Color":"red","StepDetails":{"Luck":7,"Error":{"Code":[]}}}]}} `,
			want: checkpoint.Invocation{ARN: arn, Token: token, Operations: []checkpoint.Operation{{
				ID: "a", Kind: checkpoint.KindStep, Status: checkpoint.StatusStarted, Failure: &checkpoint.Failure{},
			}}},
		},
		{
			reason: "the case of fields is ignored, escapes in keys are decoded",
			event: `{"durableexecutionarn":"` + arn + `","CHECKPOINTTOKEN":"` + token + `",
				"initialexecution\u0053tate":{"operations":[{"ID":"a","typE":"STEP","ſtatus":"STARTED","name":"\u00e9\n"}]}}`,
			want: checkpoint.Invocation{ARN: arn, Token: token, Operations: []checkpoint.Operation{{
				ID: "a", Kind: checkpoint.KindStep, Status: checkpoint.StatusStarted, Name: "é\n",
			}}},
		},
		{
			reason: "bytes that are not UTF-8 become replacement characters",
			event:  withOperations(`{"Id":"` + "a\xff" + `","Type":"STEP","Status":"STARTED","StepDetails":{"Result":"` + "b\xfe" + `"}}`),
			want: checkpoint.Invocation{ARN: arn, Token: token, Operations: []checkpoint.Operation{{
				ID: "a\ufffd", Kind: checkpoint.KindStep, Status: checkpoint.StatusStarted, Payload: text("b\ufffd"),
			}}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got, err := checkpoint.DecodeInvocation([]byte(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			oracle, err := oracleDecode([]byte(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(oracle, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("encoding/json disagrees (-oracle +got):\n%s", diff)
			}
		})
	}
}

func TestTimesOfAnEvent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, json string
		want         time.Time
	}{
		{"milliseconds", `1767225600123`, time.UnixMilli(1767225600123)},
		{"milliseconds before a blank", "1767225600123 ", time.UnixMilli(1767225600123)},
		{"before 1970", `-1`, time.UnixMilli(-1)},
		{"the beginning of virtual time", `0`, time.UnixMilli(0)},
		{"a small integer is milliseconds, too", `1767225600`, time.UnixMilli(1767225600)},
		{"a fraction: seconds, as in the API", `1767225600.123`, time.UnixMilli(1767225600123)},
		{"seconds of a language that writes floats", `1767225600.0`, time.UnixMilli(1767225600000)},
		{"an exponent", `1.767225600123E9`, time.UnixMilli(1767225600123)},
		{"a fraction of milliseconds", `1767225600123.9`, time.UnixMilli(1767225600123)},
		{"milliseconds with an exponent", `1.767225600123e12`, time.UnixMilli(1767225600123)},
		{"the last that is in seconds", `9.9e10`, time.UnixMilli(99e12)},
		{"the first that is in milliseconds", `1.1e11`, time.UnixMilli(11e10)},
		{"RFC 3339", `"2026-01-01T00:00:00.123Z"`, time.UnixMilli(1767225600123)},
		{"RFC 3339 with an offset", `"2026-01-01T01:00:00+01:00"`, time.UnixMilli(1767225600000)},
		{"Java", `"2026-01-01 00:00:00.123000+00:00"`, time.UnixMilli(1767225600123)},
		{"Java without a fraction", `"2026-01-01 02:00:00+02:00"`, time.UnixMilli(1767225600000)},
		{"a number as text", `"1767225600123"`, time.UnixMilli(1767225600123)},
		{"null", `null`, time.Time{}},
		{"an empty text", `""`, time.Time{}},
		{"text that is no time", `"yesterday"`, time.Time{}},
		{"text that only Go takes for a number", `"0x1p-2"`, time.Time{}},
		{"an object", `{"seconds":1}`, time.Time{}},
		{"a truth value", `true`, time.Time{}},
		{"after the year 9999", `253402300800000`, time.Time{}},
		{"more digits than an integer has", `99999999999999999999999`, time.Time{}},
		{"more than a float can hold", `1e999`, time.Time{}},
		{"a fraction after the year 9999", `1.5e17`, time.Time{}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			event := []byte(withOperations(`{"Id":"a","Type":"WAIT","Status":"STARTED","StartTimestamp":` + tt.json + `}`))
			inv, err := checkpoint.DecodeInvocation(event)
			if err != nil {
				t.Fatal(err)
			}
			got := inv.Operations[0].Start
			if !got.Equal(tt.want) || got.Location() != time.UTC {
				t.Errorf("%s is %v, want %v", tt.json, got, tt.want.UTC())
			}
			oracle, err := oracleDecode(event)
			if err != nil {
				t.Fatal(err)
			}
			if want := oracle.Operations[0].Start; !got.Equal(want) {
				t.Errorf("%s is %v, the oracle says %v", tt.json, got, want)
			}
		})
	}
}

func TestEventsThatAreNotDurable(t *testing.T) {
	t.Parallel()
	tests := []struct{ reason, event string }{
		{"an event of an ordinary function", `{"orderId":42}`},
		{"no ARN", `{"CheckpointToken":"t"}`},
		{"no token", `{"DurableExecutionArn":"a"}`},
		{"null for the token", `{"DurableExecutionArn":"a","CheckpointToken":null}`},
		{"empty ARN", `{"DurableExecutionArn":"","CheckpointToken":"t"}`},
		{"an array", `[{"DurableExecutionArn":"a"}]`},
		{"a string", `"hello"`},
		{"null", `null`},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			_, err := checkpoint.DecodeInvocation([]byte(tt.event))
			if !errors.Is(err, checkpoint.ErrNotDurable) {
				t.Fatalf("error %v, want ErrNotDurable", err)
			}
			if !strings.Contains(err.Error(), "DurableConfig") {
				t.Errorf("%q does not say what to do", err)
			}
		})
	}
}

func TestUnusableEvents(t *testing.T) {
	t.Parallel()
	tests := []struct {
		reason, event string
		says          []string
	}{
		{"empty", ``, nil},
		{"blank", " \n", nil},
		{"cut off", withOperations("")[:60], []string{"end of JSON"}},
		{"more than one value", withOperations("") + `{}`, []string{"byte"}},
		{"no quote before a key", `{a":1}`, nil},
		{"no colon", `{"a" 1}`, nil},
		{"no comma", `{"a":1 "b":2}`, nil},
		{"a comma too many", `{"a":1,}`, nil},
		{"array without a comma", `{"a":[1 2]}`, nil},
		{"array with a comma too many", `{"a":[1,]}`, nil},
		{"an escape that JSON does not have", `{"a":"\x41"}`, []string{"escape"}},
		{"half an escape", `{"a":"\u00"}`, []string{"escape"}},
		{"a control character in a string", "{\"a\":\"\n\"}", nil},
		{"a string without end", `{"a":"b`, []string{"end of a string"}},
		{"a string that ends with a backslash", `{"a":"b\`, nil},
		{"a leading zero", `{"a":01}`, nil},
		{"a leading zero in a time", withOperations(`{"Id":"a","Type":"STEP","Status":"STARTED","EndTimestamp":01}`), nil},
		{"a plus sign", `{"a":+1}`, nil},
		{"no digit after the point", `{"a":1.}`, nil},
		{"no digit in the exponent", `{"a":1e+}`, nil},
		{"not a number", `{"a":NaN}`, nil},
		{"half a word", `{"a":nul}`, nil},
		{"half a word at the end", `{"a":tru`, nil},
		{"nested too deep", strings.Repeat(`{"a":`, 10_001) + strings.Repeat(`}`, 10_001), []string{"nested"}},
		{"arrays nested too deep", `{"a":` + strings.Repeat(`[`, 10_001), []string{"nested"}},
		{"the ARN is a number", `{"DurableExecutionArn":1}`, []string{"a string"}},
		{"the state is an array", `{"InitialExecutionState":[]}`, []string{"an object"}},
		{"the operations are an object", `{"InitialExecutionState":{"Operations":{}}}`, []string{"an array"}},
		{"a record is a string", withOperations(`"a"`), []string{"an object"}},
		{"an attempt that is no integer", withOperations(`{"StepDetails":{"Attempt":1.5}}`), []string{"an integer"}},
		{"an attempt that is a string", withOperations(`{"StepDetails":{"Attempt":"1"}}`), nil},
		{"a truth value that is a string", withOperations(`{"ContextDetails":{"ReplayChildren":"yes"}}`), []string{"a boolean"}},
		{"a result that is no string", withOperations(`{"StepDetails":{"Result":{"ok":true}}}`), []string{"a string"}},
		{"a stack that is a string", withOperations(`{"StepDetails":{"Error":{"StackTrace":"f"}}}`), []string{"an array"}},
		{
			"a type of a later version", withOperations(`{"Id":"op-1","Type":"TIMER","Status":"STARTED"}`),
			[]string{`"op-1"`, `"TIMER"`, "EXECUTION, CONTEXT, STEP, WAIT, CALLBACK and CHAINED_INVOKE"},
		},
		{"the case of values counts", withOperations(`{"Id":"a","Type":"step","Status":"STARTED"}`), []string{`"step"`}},
		{"no type", withOperations(`{"Id":"a","Status":"STARTED"}`), []string{`Type ""`}},
		{"no status", withOperations(`{"Id":"a","Type":"STEP","Status":null}`), []string{`"a"`, "no Status"}},
		{"no ID", withOperations(`{"Name":"a","Type":"STEP","Status":"STARTED"}`), []string{`"a"`, "no Id"}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			inv, err := checkpoint.DecodeInvocation([]byte(tt.event))
			if err == nil {
				t.Fatalf("no error, but %+v", inv)
			}
			if errors.Is(err, checkpoint.ErrNotDurable) {
				t.Errorf("%v: the event is broken, which has nothing to do with DurableConfig", err)
			}
			for _, s := range append(tt.says, "checkpoint: decode invocation: ") {
				if !strings.Contains(err.Error(), s) {
					t.Errorf("%q does not say %q", err, s)
				}
			}
			if _, err := oracleDecode([]byte(tt.event)); err == nil {
				t.Error("encoding/json accepts it")
			}
		})
	}
}

// Strings are read eight bytes at a time: each byte must be seen in each place of the eight.
func TestEachByteInEachPlaceOfAString(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for place := range 17 {
			text := bytes.Repeat([]byte("a"), 17)
			text[place] = byte(c)
			event := []byte(withOperations(`{"Id":"` + string(text) + `","Type":"STEP","Status":"STARTED"}`))
			got, err := checkpoint.DecodeInvocation(event)
			want, oracle := oracleDecode(event)
			if (err == nil) != (oracle == nil) || err == nil && got.Operations[0].ID != want.Operations[0].ID {
				t.Errorf("byte %#x at %d: %+v, %v; encoding/json says %v", c, place, got.Operations, err, oracle)
			}
		}
	}
}

// A handler that uses no payload must not pay for decoding it.
func TestPayloadsStayInTheEvent(t *testing.T) {
	t.Parallel()
	event := []byte(withOperations(`{"Id":"a","Type":"STEP","Status":"SUCCEEDED","StepDetails":{"Result":"abc"}}`))
	inv, err := checkpoint.DecodeInvocation(event)
	if err != nil {
		t.Fatal(err)
	}
	got := inv.Operations[0].Payload.Bytes()
	event[bytes.Index(event, []byte("abc"))] = 'X'
	if string(got) != "Xbc" {
		t.Errorf("payload %q is a copy", got)
	}
	_ = append(got, "overwritten"...)
	if bytes.Contains(event, []byte("overwritten")) {
		t.Error("appending to a payload has written into the event")
	}
}

// IDs and names outlive the event: the runtime reuses its memory for the next one.
func TestNamesDoNotStayInTheEvent(t *testing.T) {
	t.Parallel()
	event := event(t, steps(100, 10))
	inv, err := checkpoint.DecodeInvocation(event)
	if err != nil {
		t.Fatal(err)
	}
	clear(event)
	for i, want := range steps(100, 10) {
		want.Payload, inv.Operations[i].Payload = checkpoint.Payload{}, checkpoint.Payload{}
		if diff := cmp.Diff(want, inv.Operations[i]); diff != "" {
			t.Fatalf("record %d (-want +got):\n%s", i, diff)
		}
	}
}

// The guess of how many records follow must not depend on records being alike.
func TestRecordsOfAnySize(t *testing.T) {
	t.Parallel()
	var want []checkpoint.Operation
	for i := range 500 {
		size := 2
		if i%7 == 3 || i > 400 {
			size = 40 * i
		}
		want = append(want, steps(1, size)[0])
		want[i].ID = fmt.Sprintf("a-0748d7a5326c-%016x", i)
		want[i].ParentID = fmt.Sprintf("p-0748d7a5326c-%016x", i/10)
	}
	inv, err := checkpoint.DecodeInvocation(event(t, want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, inv.Operations); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

//nolint:paralleltest // counts allocations of the whole process
func TestDecodingAllocatesLittle(t *testing.T) {
	event := event(t, steps(records, 100))
	n := testing.AllocsPerRun(3, func() {
		if _, err := checkpoint.DecodeInvocation(event); err != nil {
			t.Error(err)
		}
	})
	if perRecord := n / records; perRecord > 0.1 {
		t.Errorf("%.2f allocations per record", perRecord)
	}
}

func TestExecutionARN(t *testing.T) {
	t.Parallel()
	type parts struct{ Function, Name, ID string }
	tests := []struct {
		reason, arn string
		want        parts
	}{
		{"the ARN of an execution", arn, parts{"arn:aws:lambda:us-east-1:123456789012:function:order:7", "order-42", "8f3c1a"}},
		{"$LATEST", "f:$LATEST/durable-execution/n/i", parts{"f:$LATEST", "n", "i"}},
		{"two segments", "n/i", parts{"n", "n", "i"}},
		{"no segments", "local", parts{"local", "local", "local"}},
		{"empty", "", parts{}},
	}
	for _, tt := range tests {
		t.Run(tt.reason, func(t *testing.T) {
			t.Parallel()
			got := parts{checkpoint.FunctionARN(tt.arn), checkpoint.ExecutionName(tt.arn), checkpoint.ExecutionID(tt.arn)}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := (checkpoint.Invocation{ARN: tt.arn}).Name(); got != tt.want.Name {
				t.Errorf("Name() = %q", got)
			}
		})
	}
}
