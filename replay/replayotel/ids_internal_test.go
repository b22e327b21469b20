package replayotel

import (
	"testing"
	"time"
)

// TestIDs: IDs of spans are part of what executions that run for months depend on. They must not
// change.
func TestIDs(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:lambda:us-east-1:123456789012:function:f:1/durable-execution/n/i"
	for _, tt := range []struct{ of, got, want string }{
		{"the execution", workflowID(arn).String(), "27a188fc4b770f2e"},
		{"the synthetic root", rootID(arn).String(), "b97e6725d76ebdf1"},
		{"an operation", operationID(arn, "op-1").String(), "ee9dd63fdb550863"},
		{
			"the trace", traceID(arn, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)).String(),
			"6955b900157bb20415e632ecbd48a210",
		},
	} {
		if tt.got != tt.want {
			t.Errorf("the ID of %s is %s, want %s", tt.of, tt.got, tt.want)
		}
	}
}
