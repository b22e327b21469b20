package cli

import (
	"strings"
	"testing"
	"time"

	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/view"
)

// TestDoctorPast: what histories say of a function's timeout and memory.
func TestDoctorPast(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	// body is a body that takes that long, in an invocation that ends with a failure, or in one
	// that has not ended if it takes no time.
	body := func(took time.Duration, kind, message string) []local.Event {
		events := []local.Event{
			{ID: 1, Type: local.EventExecutionStarted, Time: begin},
			{ID: 2, Type: local.EventStepStarted, OperationID: "a", Name: "resize", Time: begin},
		}
		switch {
		case kind != "":
			events = append(events, local.Event{
				ID: 3, Type: local.EventInvocationCompleted, Time: begin.Add(took), Start: begin, End: begin.Add(took),
				Failure: &checkpoint.Failure{Type: kind, Message: message},
			})
		case took > 0:
			events = append(events, local.Event{ID: 3, Type: local.EventStepSucceeded, OperationID: "a", Name: "resize", Time: begin.Add(took)})
		}
		return events
	}
	tests := []struct {
		reason             string
		timeout            int32
		histories          [][]local.Event
		timeoutState       string
		timeoutMend        string
		memory, memoryMend string
	}{
		{"no execution", 60, nil, findingNote, "compare it with your longest body", findingOK, ""},
		{"a short body", 60, [][]local.Event{body(time.Second, "", "")}, findingOK, "", findingOK, ""},
		{"four fifths are enough", 60, [][]local.Event{body(48*time.Second, "", "")}, findingOK, "", findingOK, ""},
		{"a body comes near it", 60, [][]local.Event{body(50*time.Second, "", "")}, findingMissing, "--timeout 120", findingOK, ""},
		{"a body that still runs comes near it", 60, [][]local.Event{body(0, "", "")}, findingMissing, "--timeout 120", findingOK, ""},
		{
			"it has cut a body off", 60,
			[][]local.Event{body(time.Second, "", ""), body(time.Minute, "Sandbox.Timedout", "RequestId: r Error: Task timed out after 60.00 seconds")},
			findingMissing, "--timeout 120", findingOK, "",
		},
		{"no more than Lambda has", 600, [][]local.Event{body(590*time.Second, "", "")}, findingMissing, "--timeout 900", findingOK, ""},
		{
			"Lambda has no more", 900,
			[][]local.Event{body(15*time.Minute, "Sandbox.Timedout", "")},
			findingMissing,
			"divide the body into steps", findingOK, "",
		},
		{
			"memory was used up", 60,
			[][]local.Event{body(time.Second, "Runtime.OutOfMemory", "RequestId: r Error: Runtime exited with error: signal: killed")},
			findingOK, "", findingMissing, "--memory-size 512",
		},
	}
	for _, tt := range tests {
		memory := int32(256)
		e := &examination{app: &app{}, config: &lambdatypes.FunctionConfiguration{
			Timeout: &tt.timeout, MemorySize: &memory, DurableConfig: &lambdatypes.DurableConfig{},
		}}
		e.Function = "order"
		for _, events := range tt.histories {
			e.past.histories++
			e.past.add(view.Read(events), "A-1", begin.Add(55*time.Second))
		}
		e.timeout(doctorHistories)
		e.memory()
		if len(e.Findings) != 2 {
			t.Fatalf("%s: %+v", tt.reason, e.Findings)
		}
		limit, mem := e.Findings[0], e.Findings[1]
		if limit.State != tt.timeoutState || !strings.Contains(limit.Mend, tt.timeoutMend) {
			t.Errorf("%s: %+v, want %s and %q", tt.reason, limit, tt.timeoutState, tt.timeoutMend)
		}
		if mem.State != tt.memory || !strings.Contains(mem.Mend, tt.memoryMend) {
			t.Errorf("%s: %+v, want %s and %q", tt.reason, mem, tt.memory, tt.memoryMend)
		}
	}
}

// TestSampleOf: a sample has the oldest, is spread evenly, and never more than there are.
func TestSampleOf(t *testing.T) {
	t.Parallel()
	all := make([]counted, 1000)
	for i := range all {
		all[i].start = time.Unix(int64(i), 0)
	}
	for most, want := range map[int]int{0: 1000, 1: 1, 3: 3, 999: 999, 1000: 1000, 5000: 1000} {
		got := sampleOf(all, most)
		if len(got) != want || !got[0].start.Equal(all[0].start) {
			t.Fatalf("at most %d: %d of them, want %d", most, len(got), want)
		}
		for i := 1; i < len(got); i++ {
			if gap := got[i].start.Sub(got[i-1].start).Seconds(); gap < 1 || gap > float64(1000/want+1) {
				t.Errorf("at most %d: a gap of %v", most, gap)
			}
		}
	}
	if got := sampleOf(nil, 3); len(got) != 0 {
		t.Errorf("of none: %v", got)
	}
}

// TestPercentiles: each is a value that there is, by the nearest rank.
func TestPercentiles(t *testing.T) {
	t.Parallel()
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(100 - i)
	}
	tests := []struct {
		reason string
		values []float64
		want   percentiles
	}{
		{"one value is all of them", []float64{7}, percentiles{1, 7, 7, 7, 7}},
		{"of two the lower is the middle", []float64{2, 1}, percentiles{2, 1, 2, 2, 2}},
		{"of a hundred the rank is the percentage", hundred, percentiles{100, 50, 90, 99, 100}},
	}
	for _, tt := range tests {
		if got := percentilesOf(tt.values); got == nil || *got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.reason, got, tt.want)
		}
	}
	if got := percentilesOf(nil); got != nil {
		t.Errorf("of none: %+v", got)
	}
}
