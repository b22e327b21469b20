package cli_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/checkpoint/local/lambdaapi"
	"github.com/perdure/perdure/checkpoint/sqlite"

	"github.com/perdure/perdure/cmd/perdure/internal/cli"
)

// withMany has executions that wait for different things, one that is done, and two that have
// failed.
func withMany(t *testing.T, opts ...local.Option) *site {
	t.Helper()
	s := newSite(t, opts...)
	start := func(function, name, payload string) {
		t.Helper()
		if got := s.run("start", function, payload, "--name", name); got.code != 0 {
			t.Fatal(got.err)
		}
	}
	order := func(name, items string) { start("order", name, `{"id":"`+name+`","items":[`+items+`]}`) }
	order("A-1", `"hat"`)
	s.advance(time.Hour)
	s.run("callback", "succeed", s.callback(), `"Ann"`) // A-1 cools off
	s.settle()
	order("A-2", `"hat"`)
	s.advance(time.Hour)
	order("A-3", `"hat"`)
	order("B-1", `"hat"`) // its card is empty
	order("E-1", ``)
	s.advance(time.Minute)
	order("A-4", `"hat"`)
	s.advance(time.Second)
	s.run("pause", "A-4", "--function", "order", "--reason", "being mended")
	order("A-5", `"tie"`) // falls down
	s.settle()
	return s
}

// TestStats: how many executions there are, what they wait for, and why they have failed.
func TestStats(t *testing.T) {
	t.Parallel()
	s := withMany(t)
	got := s.run("stats")
	want := `13 executions
  RUNNING    4
  PAUSED     1
  SUCCEEDED  5
  FAILED     3

                           EXECUTIONS  50%   90%   99%   MAX
took, of those that ended  8           0s    0s    0s    0s
age, of the others         5           1m1s  2h1m  2h1m  2h1m

the oldest that has not ended is A-1 of order, started 2026-03-02 09:00:00Z, 2h1m ago
waiting for wait "cool-off", which ends in 34h59m
arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/A-1/6c9f…

what the 5 that have not ended wait for:
COUNT  FUNCTION  WAITS FOR                        OLDEST  NAME
2      order     callback "collected-callback"    1h1m    A-2
1      order     wait "cool-off"                  2h1m    A-1
1      order     a resume: paused, being mended   1s      A-4
1      order     the next attempt of step "pack"  0s      A-5

errors of the 3 that failed:
COUNT  FUNCTION  TYPE   LAST                                  ITS MESSAGE
2      order     Error  B-1                                   the card is empty
1      payment   Error  6c9f…  the card is empty
`
	if diff := cmp.Diff(want, got.out); diff != "" || got.code != 0 || got.err != "" {
		t.Errorf("exit code %d, %s (-want +got):\n%s", got.code, got.err, diff)
	}
	var all struct {
		Executions int
		Statuses   []map[string]any
		Waiting    struct{ Executions, Read int }
		Failed     struct {
			Types []struct {
				Function, Type, LastName, LastMessage string
				Executions                            int
			}
		}
		Took map[string]float64 `json:"tookSeconds"`
	}
	text := s.run("stats", "-f", "order", "--since", "61m", "-o", "json")
	if err := json.Unmarshal([]byte(text.out), &all); err != nil {
		t.Fatalf("%v: %+v", err, text)
	}
	if all.Executions != 5 || all.Waiting.Executions != 3 || all.Waiting.Read != 3 || len(all.Failed.Types) != 1 ||
		all.Failed.Types[0].Executions != 2 || all.Took["executions"] != 2 {
		t.Errorf("JSON: %+v", all)
	}
}

// TestStatsEmpty: without executions, and with flags that cannot be.
func TestStatsEmpty(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "executions.db")
	store, err := sqlite.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	nothing := `{
  "executions": 0,
  "statuses": [],
  "waiting": {
    "executions": 0,
    "read": 0,
    "groups": []
  },
  "failed": {
    "executions": 0,
    "read": 0,
    "types": []
  }
}
`
	tests := []struct {
		reason string
		args   []string
		code   int
		out    string
		err    string
	}{
		{"no execution", nil, cli.ExitOK, "", "there are no executions\n"},
		{"none of a function", []string{"-f", "payment"}, cli.ExitOK, "", "there are no executions of payment\n"},
		{"none in a file", []string{"--store", file}, cli.ExitOK, "", "there are no executions\n"},
		{"none of a function in a file", []string{"--store", file, "-f", "order"}, cli.ExitOK, "", "there are no executions of order\n"},
		{"arrays, not null", []string{"-o", "json"}, cli.ExitOK, nothing, ""},
		{"no such function", []string{"-f", "refund"}, cli.ExitNotFound, "", "refund"},
		{"no such file", []string{"--store", file + "x"}, cli.ExitUsage, "", "there is no store"},
		{"a file and AWS", []string{"--store", file, "--aws"}, cli.ExitUsage, "", "--store is a file"},
		{"less than nothing", []string{"--sample", "-1"}, cli.ExitUsage, "", "--sample is a number"},
		{"no rate", []string{"--rate", "-1"}, cli.ExitUsage, "", "--rate is a number"},
		{"a time to come", []string{"--since", "-1h"}, cli.ExitUsage, "", "--since is a duration"},
		{"no argument", []string{"order"}, cli.ExitUsage, "", "perdure stats"},
	}
	for _, tt := range tests {
		got := s.run(append([]string{"stats"}, tt.args...)...)
		if got.code != tt.code || got.out != tt.out || !strings.Contains(got.err, tt.err) {
			t.Errorf("%s: %+v, want the exit code %d, %q", tt.reason, got, tt.code, tt.err)
		}
	}
}

// TestStatsOnAWS: what is not read is said, and all calls are made in their time; with a service
// that throttles.
func TestStatsOnAWS(t *testing.T) {
	t.Parallel()
	s := withMany(t)
	url, unsigned := front(t, s, "eu-west-1", lambdaapi.WithThrottling(everyOther()))
	r := &region{site: s, Server: &httptest.Server{URL: url}}
	got := r.program(credentials(), "stats", "-f", "order", "--region", "eu-west-1", "--sample", "2", "--rate", "50")
	for _, want := range []string{
		"7 executions of order\n",
		"what 2 of the 5 that have not ended wait for (a sample: 3 executions were not read; --sample says how many are):\n",
		"errors of the 2 that failed:\n",
		"the oldest that has not ended is A-1 of order, started 2026-03-02 09:00:00Z",
	} {
		if !strings.Contains(got.out, want) {
			t.Errorf("%q is not in:\n%s", want, got.out)
		}
	}
	if got.code != 0 || len(*unsigned) > 0 {
		t.Errorf("exit code %d, %s, not signed: %v", got.code, got.err, *unsigned)
	}
}

// TestStatsOf20000: 20,000 executions in a file are counted while someone waits for it.
func TestStatsOf20000(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("writes 20,000 executions")
	}
	s := newSite(t)
	file := filepath.Join(t.TempDir(), "executions.db")
	store, err := sqlite.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	const all = 20_000
	var writers sync.WaitGroup
	for w := range 50 {
		writers.Go(func() {
			for i := w; i < all; i += 50 {
				if err := store.Commit(oneOfMany(i)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	writers.Wait()
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	s.clock.AdvanceTo(begin.Add(all * time.Second))
	before := time.Now()
	got := s.run("stats", "--store", file)
	took := time.Since(before)
	want := `20,000 executions
  RUNNING    10,000
  SUCCEEDED  5,000
  FAILED     5,000

                           EXECUTIONS  50%    90%     99%     MAX
took, of those that ended  10,000      8m19s  14m59s  16m29s  16m39s
age, of the others         10,000      2h47m  5h      5h30m   5h33m

the oldest that has not ended is A-00000 of order, started 2026-03-02 09:00:00Z, 5h33m ago
waiting for wait "cool-off", which ends in 41d10h
arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST/durable-execution/A-00000/6c9f

what the 10,000 that have not ended wait for:
COUNT  FUNCTION  WAITS FOR            OLDEST  NAME
2,000  order     wait "cool-off"      5h33m   A-00000
2,000  order     callback "answer-2"  5h33m   A-00002
2,000  order     callback "answer-4"  5h33m   A-00004
2,000  order     callback "answer-1"  5h33m   A-00006
2,000  order     callback "answer-3"  5h33m   A-00008

errors of the 5,000 that failed:
COUNT  FUNCTION  TYPE      LAST     ITS MESSAGE
5,000  order     Declined  A-19997  A-19997
`
	if diff := cmp.Diff(want, got.out); diff != "" || got.code != 0 || got.err != "" {
		t.Errorf("exit code %d, %s (-want +got):\n%s", got.code, got.err, diff)
	}
	t.Logf("counted in %v", took)
	if took > time.Minute {
		t.Errorf("it took %v", took)
	}
}

// oneOfMany is the execution with a number: every other one runs, and waits for one of five
// callbacks, or in every tenth for a timer; of the others every other one has failed.
func oneOfMany(i int) local.Transition {
	const function = "arn:aws:lambda:us-east-1:123456789012:function:order:$LATEST"
	start := begin.Add(time.Duration(i) * time.Second)
	e := local.ExecutionRecord{
		ARN: fmt.Sprintf("%s/durable-execution/A-%05d/6c9f", function, i), Name: fmt.Sprintf("A-%05d", i), Function: function,
		Status: local.StatusRunning, Start: start, Input: checkpoint.TextPayload(`{"id":"A-1"}`),
	}
	events := []local.Event{{ID: 1, Type: local.EventExecutionStarted, Time: start}}
	end := start.Add(time.Duration(i%1000) * time.Second)
	switch {
	case i%10 == 0:
		events = append(events, local.Event{
			ID: 2, Type: local.EventWaitStarted, OperationID: "w", Name: "cool-off", Time: start, ScheduledEnd: start.Add(1000 * time.Hour),
		})
	case i%2 == 0:
		events = append(events, local.Event{
			ID: 2, Type: local.EventCallbackStarted, OperationID: "c", Name: fmt.Sprintf("answer-%d", i%5), CallbackID: "id", Time: start,
		})
	case i%4 == 1:
		e.Status, e.End, e.Failure = local.StatusFailed, end, &checkpoint.Failure{Type: "Declined", Message: e.Name}
		events = append(events, local.Event{ID: 2, Type: local.EventExecutionFailed, Time: end, Failure: e.Failure})
	default:
		e.Status, e.End, e.Result = local.StatusSucceeded, end, checkpoint.TextPayload(`1`)
		events = append(events, local.Event{ID: 2, Type: local.EventExecutionSucceeded, Time: end})
	}
	return local.Transition{Execution: e, Events: events}
}
