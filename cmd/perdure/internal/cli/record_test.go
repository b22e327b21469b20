package cli_test

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// history is what a file has.
type history struct {
	ARN        string        `json:"DurableExecutionArn"`
	Taken      time.Time     `json:"Taken"`
	ForkedFrom []string      `json:"ForkedFrom"`
	Events     []local.Event `json:"Events"`
}

// readHistories reads the files of a folder, by the name of the execution.
func readHistories(t *testing.T, dir string) (all map[string]history, text string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all = make(map[string]history)
	var b strings.Builder
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var h history
		if err := json.Unmarshal(data, &h); err != nil {
			t.Fatal(err)
		}
		all[checkpoint.ExecutionName(h.ARN)] = h
		b.Write(data)
	}
	return all, b.String()
}

// withOrders is a site on which orders wait.
func withOrders(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	for _, id := range []string{"A-1", "B-1", "C-1", "D-1"} {
		if got := s.run("start", "order", `{"id":"`+id+`","items":["hat","scarf"]}`, "--name", id); got.code != 0 {
			t.Fatalf("%+v", got)
		}
		s.settle()
	}
	return s
}

func TestRecord(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	dir := filepath.Join(t.TempDir(), "histories")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "give --redact to replace it, or --plain to write it as it is, one of them"},
		{[]string{"--redact", "--plain"}, "one of them"},
		{[]string{"--plain", "--keep", "input"}, "--keep is for --redact"},
		{[]string{"--redact", "--sample", "-1"}, "--sample is the number"},
		{[]string{"--redact", "--status", "happy"}, `there is no status "happy"`},
	} {
		got := s.run(append([]string{"record", "order", "--dir", dir}, tt.args...)...)
		if got.code != cli.ExitUsage || !strings.Contains(got.err, tt.want) {
			t.Errorf("%v: %+v, want %q", tt.args, got, tt.want)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Fatal("a refused command writes")
	}

	if got := s.run("record", "order", "--plain", "--dir", dir, "--sample", "0"); got.code != 0 || strings.Count(got.out, "\n") != 4 ||
		!strings.Contains(got.err, "wrote 4 of 4 histories of order") {
		t.Fatalf("%+v", got)
	}
	plain, _ := readHistories(t, dir)
	for _, e := range s.service.Executions() {
		if h := plain[e.Name()]; functionNamed(e) == "order" && (h.ARN != e.ARN() || !h.Taken.Equal(begin)) {
			t.Errorf("%s: %s at %s", e.Name(), h.ARN, h.Taken)
		} else if functionNamed(e) == "order" {
			want := local.LogOf(e.ARN(), e.History())
			if diff := cmp.Diff(want, local.LogOf(h.ARN, h.Events), cmp.Comparer(checkpoint.Payload.Equal)); diff != "" {
				t.Errorf("%s (-service +file):\n%s", e.Name(), diff)
			}
		}
	}

	redacted := filepath.Join(t.TempDir(), "histories")
	if got := s.run("record", "order", "--redact", "--dir", redacted, "--sample", "2", "--status", "running", "--keep", "input.items"); got.code != 0 ||
		!strings.Contains(got.err, "wrote 2 of ") {
		t.Fatalf("%+v", got)
	}
	all, text := readHistories(t, redacted)
	if len(all) != 2 || strings.Contains(text, `\"id\":\"A-1\"`) || strings.Contains(text, "box with") {
		t.Errorf("%d files, with data in\n%s", len(all), text)
	}
	for name, h := range all {
		if got := h.Events[0].Input.String(); got != `{"id":"xxxx","items":["hat","scarf"]}` {
			t.Errorf("the input of %s is %s", name, got)
		}
		for i, e := range h.Events {
			if was := plain[name].Events[i]; e.OperationID != was.OperationID || e.Name != was.Name || e.Type != was.Type || !e.Time.Equal(was.Time) {
				t.Errorf("%s: event %d is another: %+v, was %+v", name, i, e, was)
			}
		}
	}
	forked := filepath.Join(t.TempDir(), "forked")
	for _, args := range [][]string{
		{"fork", "A-1", "-f", "order", "--before", "parcels", "--name", "A-1b"}, {"record", "order", "--redact", "--name", "A-1b", "--dir", forked},
	} {
		if got := s.run(args...); got.code != 0 {
			t.Fatalf("%v: %+v", args, got)
		}
	}
	forks, _ := readHistories(t, forked)
	if got, want := forks["A-1b"].ForkedFrom, []string{plain["A-1"].ARN}; !slices.Equal(got, want) || plain["A-1"].ForkedFrom != nil {
		t.Errorf("the fork is of %v, want %v; the other one of %v", got, want, plain["A-1"].ForkedFrom)
	}
	if got := s.run("record", "order", "--redact", "--dir", dir, "--name", "none"); got.code != cli.ExitNotFound {
		t.Errorf("no such execution: %+v", got)
	}
	if got := s.run("record", "nothing", "--redact", "--dir", dir); got.code != cli.ExitNotFound {
		t.Errorf("no such function: %+v", got)
	}
}

func functionNamed(e *local.Execution) string {
	name, _, _ := strings.Cut(e.Record().HostedAs(), ":")
	return name
}

// TestRecordOfAServiceUnderStress: reads that are throttled are repeated, and what was cut off is
// known to be.
func TestRecordOfAServiceUnderStress(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	var mu sync.Mutex
	calls := make(map[string]int)
	server := httptest.NewServer(lambdaapi.Handler(s.service, lambdaapi.WithTruncation(25), lambdaapi.WithThrottling(func(call string) bool {
		mu.Lock()
		defer mu.Unlock()
		calls[call]++
		return calls[call]%2 == 1
	})))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	got := s.run("record", "order", "--redact", "--dir", dir, "--endpoint", server.URL)
	if got.code != 0 || !strings.Contains(got.err, "wrote 4 of 4 histories of order\n4 histories have payloads that are withheld") {
		t.Fatalf("%+v", got)
	}
	all, text := readHistories(t, dir)
	if why, ok := all["A-1"].Events[0].Input.Withheld(); !ok {
		t.Errorf("the input was cut off, and the file has %q, %q", all["A-1"].Events[0].Input.String(), why)
	}
	if !strings.Contains(text, `"Truncated": true`) || calls["GetDurableExecutionHistory"] != 8 {
		t.Errorf("calls %v", calls)
	}

	hopeless := httptest.NewServer(lambdaapi.Handler(s.service, lambdaapi.WithThrottling(func(string) bool { return true })))
	t.Cleanup(hopeless.Close)
	if testing.Short() {
		return // it takes the pauses, 13 seconds
	}
	if got := s.run("list", "order", "--endpoint", hopeless.URL); got.code != cli.ExitUnavailable || !strings.Contains(got.err, "TooManyRequestsException") {
		t.Errorf("all calls throttled: %+v", got)
	}
}
