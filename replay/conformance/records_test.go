package conformance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/perdure/perdure/replay/conformance"
)

// recorded are demands on the record of an execution.
const recorded = `
description: an execution that has ended leaves a record
Input: {value: 1}
ExpectedResult: {ExecutionStatus: SUCCEEDED}
TelemetryAssertions:
  records:
    - record: {status: SUCCEEDED, startTime: "${/Z$/}", durationMs: {$integer: {min: 0}}, output: {value: 2}}
      forbid_fields: [error]
      operations_by_name: {increment: {count: 1, totalDurationMs: {$integer: {min: 0}}}}
`

// TestRecordMutants: a record that is right is found right, and each change of it is noticed.
func TestRecordMutants(t *testing.T) {
	t.Parallel()
	q, _ := read(t, recorded)
	q.ID = "telemetry-1"
	problems, o, err := conformance.Judge(t.Context(), conformance.InProcess{}, q, seed)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Error(p)
	}
	line := ""
	for _, l := range o.Logs {
		if _, ok := l.Fields["recordType"]; ok {
			text, err := json.Marshal(l.Fields)
			if err != nil {
				t.Fatal(err)
			}
			line = string(text)
		}
	}
	for _, tt := range []struct{ old, text, notice string }{
		{`"status":"SUCCEEDED"`, `"status":"FAILED"`, "record 0.status: want"},
		{`"durationMs":`, `"durationMs":-1,"x":`, "record 0.durationMs: want an integer"},
		{`"durationMs":`, `"durationMs":0.5,"x":`, "record 0.durationMs: want an integer"},
		{`"output":`, `"result":`, "the key output is missing"},
		{`"output":`, `"error":{},"output":`, "it has the member error"},
		{`"increment":`, `"other":`, "it has no operations named increment"},
		{`"increment":`, `"other":{},"increment":`, "operations named other are not expected"},
		{`"count":1`, `"count":1,"error":{}`, "record 0, increment: it has the member error"},
		{`"functionQualifier":"$LATEST"`, `"functionQualifier":"live"`, `record 0.functionQualifier: want "$LATEST"`},
		{`"region":`, `"where":`, "the key region is missing"},
		{`"count":1`, `"count":2`, "record 0, increment.count: want 1, got 2"},
		{`"recordType":"DurableExecutionTelemetry"`, `"recordType":"Other"`, "0 records of executions, want 1"},
	} {
		changed := *o
		changed.Logs = []conformance.Record{conformance.NewRecord(0, 0, strings.ReplaceAll(line, tt.old, tt.text))}
		vars, err := conformance.NewVars(q.Variables, seed)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(vars.Compare(q, &changed), "\n"); !strings.Contains(got, tt.notice) {
			t.Errorf("%s: want %q, got %s", tt.text, tt.notice, got)
		}
	}
}
