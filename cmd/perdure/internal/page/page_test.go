//nolint:forcetypeassert // an answer of another shape fails the test, by its panic
package page_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"

	"github.com/perdure/perdure/cmd/perdure/internal/page"
)

// TestExecution: the page is sent what it shows of an execution, and then what has changed.
func TestExecution(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	r := waiting()
	r.keep(t, store)
	v := serve(t, page.Options{
		Source: page.FromStore(store), Build: func(function string, at time.Time) string { return function + at.Format(" 15:04:05") },
	})
	path := "/ui/execution?arn=" + url.QueryEscape(r.arn())
	got := v.get(path)
	if want := `waiting for callback "collected" (times out in 59m3s)`; got["waiting"] != want {
		t.Errorf("it waits for %q, want %q", got["waiting"], want)
	}
	var names []string
	for _, o := range got["operations"].([]any) {
		o := o.(map[string]any)
		names = append(names, fmt.Sprint(o["i"], o["name"], o["status"], o["start"], o["end"], len(o["bars"].([]any))))
	}
	ms := begin.UnixMilli()
	want := []string{
		fmt.Sprint(0.0, "reserve", "SUCCEEDED", float64(ms+1000), float64(ms+3000), 1),
		fmt.Sprint(1.0, "collected", "STARTED", float64(ms+3000), nil, 1),
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
	invocation := got["invocations"].([]any)[0].(map[string]any)
	if invocation["build"] != "order 09:00:00" || invocation["version"] != "$LATEST" {
		t.Errorf("the invocation is %v", invocation)
	}
	if again := v.get(path + "&after=5"); len(again["operations"].([]any))+len(again["invocations"].([]any)) != 0 || again["count"] != 2.0 {
		t.Errorf("nothing has changed: %v", again)
	}
	if since := v.get(path + "&after=3"); len(since["operations"].([]any)) != 1 {
		t.Errorf("one operation has changed: %v", since["operations"])
	}
	if lost := v.get(path + "&after=99"); len(lost["operations"].([]any)) != 2 {
		t.Errorf("the page knows more than there is: %v", lost["operations"])
	}
	detail := v.get("/ui/operation?arn=" + url.QueryEscape(r.arn()) + "&id=s1")
	if diff := cmp.Diff(map[string]any{"id": "s1", "result": map[string]any{"text": "2"}}, detail); diff != "" {
		t.Errorf("operation (-want +got):\n%s", diff)
	}
	events := v.get("/ui/history?after=1&arn=" + url.QueryEscape(r.arn()))["events"].([]any)
	if len(events) != 4 || events[0].(map[string]any)["type"] != "StepStarted" {
		t.Errorf("the history is %v", events)
	}
	inputs := v.get("/ui/inputs?function=order")["inputs"].([]any)
	if diff := cmp.Diff([]any{map[string]any{"name": "A-1", "text": `{"id":"A-1"}`}}, inputs); diff != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
}

// TestLongPayload: of a payload that is long the page is sent the beginning, of whole characters,
// and all of it if it asks.
func TestLongPayload(t *testing.T) {
	t.Parallel()
	long := `"` + strings.Repeat("é", 100_000) + `"`
	store := local.NewMemoryStore()
	r := waiting()
	r.input = long
	r.events[2].Result = checkpoint.TextPayload(long)
	r.keep(t, store)
	v := serve(t, page.Options{Source: page.FromStore(store)})
	arn := url.QueryEscape(r.arn())
	got := v.get("/ui/execution?arn=" + arn)
	input := got["execution"].(map[string]any)["input"].(map[string]any)
	if text := input["text"].(string); len(text) > 64<<10+10 || !strings.HasSuffix(text, "é…") || input["bytes"] != float64(len(long)) {
		t.Errorf("the input has %d bytes, said to be %v", len(text), input["bytes"])
	}
	outcome := got["operations"].([]any)[0].(map[string]any)["outcome"].(string)
	if len(outcome) > 300 || !strings.HasSuffix(outcome, "é…") {
		t.Errorf("the outcome has %d bytes", len(outcome))
	}
	for _, query := range []string{"&of=input", "&of=result&id=s1"} {
		if whole := v.get("/ui/payload?arn=" + arn + query); whole["text"] != long {
			t.Errorf("%s: %d bytes, want %d", query, len(whole["text"].(string)), len(long))
		}
	}
}

// TestList: pages of the list come one after the other, the last execution first.
func TestList(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	for i := range 25 {
		record{name: fmt.Sprintf("A-%02d", i), status: local.StatusSucceeded, input: "1"}.keep(t, store)
	}
	v := serve(t, page.Options{Source: page.FromStore(store), Place: "a store"})
	var names []string
	for marker, pages := "", 0; ; pages++ {
		got := v.get("/ui/executions?limit=10&function=order&marker=" + url.QueryEscape(marker))
		for _, e := range got["executions"].([]any) {
			names = append(names, e.(map[string]any)["name"].(string))
		}
		if marker, _ = got["next"].(string); marker == "" {
			if pages != 2 {
				t.Errorf("%d pages", pages+1)
			}
			break
		}
	}
	if len(names) != 25 || names[0] != "A-24" || names[24] != "A-00" {
		t.Errorf("the list is %v", names)
	}
	place := v.get("/ui/place")
	if diff := cmp.Diff([]any{map[string]any{"name": "order"}}, place["functions"]); diff != "" || place["place"] != "a store" {
		t.Errorf("%v (-want +got):\n%s", place["place"], diff)
	}
	if actions := place["actions"].([]any); len(actions) != 0 {
		t.Errorf("a store offers %v", actions)
	}
}

// TestWrongRequests: what cannot be answered says why.
func TestWrongRequests(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	waiting().keep(t, store)
	v := serve(t, page.Options{Source: page.FromStore(store)})
	arn := url.QueryEscape(waiting().arn())
	tests := []struct {
		path   string
		status int
		says   string
	}{
		{"executions?limit=0", 400, "limit is a number from 1 to 5000"},
		{"executions?limit=x", 400, "limit is a number from 1 to 5000"},
		{"execution", 400, "arn is missing"},
		{"execution?arn=a", 404, "there is no such execution"},
		{"execution?arn=" + arn + "&after=x", 400, "after is the ID of an event"},
		{"operation?arn=" + arn + "&id=x", 404, "there is no such operation"},
		{"operation?arn=a&id=x", 404, "there is no such execution"},
		{"payload?arn=" + arn + "&of=result", 404, "there is no such payload"},
		{"payload?arn=" + arn + "&of=result&id=c1", 404, "there is no such payload"},
		{"history?arn=a", 404, "there is no such execution"},
		{"inputs", 400, "function is missing"},
		{"assets/index.html", 404, "there is no such file"},
		{"assets/..%2fpage.go", 404, "there is no such file"},
	}
	for _, tt := range tests {
		status, text := v.ask("GET", "/ui/"+tt.path, "", nil)
		if status != tt.status || !strings.Contains(text, tt.says) {
			t.Errorf("%s: %d %s, want %d %s", tt.path, status, text, tt.status, tt.says)
		}
	}
}

// TestActions: what the page asks for is done, once, and with what it says.
func TestActions(t *testing.T) {
	t.Parallel()
	var notes []string
	v := serve(t, page.Options{Source: page.FromStore(local.NewMemoryStore()), Actions: noted(&notes)})
	tests := []struct {
		body   string
		status int
		want   string // what is done, or the error
	}{
		{`{"action":"succeed","callback":"c","text":"{\"a\":1}"}`, 200, `succeed c "{\"a\":1}"`},
		{`{"action":"succeed","callback":"c"}`, 200, `succeed c ""`},
		{`{"action":"fail","callback":"c","error":{"type":"T","message":"m"}}`, 200, "fail c T m"},
		{`{"action":"heartbeat","callback":"c"}`, 200, "heartbeat c"},
		{`{"action":"pause","arn":"a","reason":"why"}`, 200, "pause a why"},
		{`{"action":"resume","arn":"a"}`, 200, "resume a"},
		{`{"action":"stop","arn":"a","error":{"message":"m"}}`, 200, "stop a m"},
		{`{"action":"skip","arn":"a","operation":"o"}`, 200, "skip a o 0s"},
		{`{"action":"skip","arn":"a","by":"24h"}`, 200, "skip a  24h0m0s"},
		{`{"action":"redrive","arn":"a","name":"n"}`, 200, "redrive a n"},
		{`{"action":"fork","arn":"a","operation":"o","name":"n"}`, 200, "fork a o n"},
		{`{"action":"start","function":"f","name":"n","text":"1"}`, 200, "start f n 1"},

		{`{"action":"skip","arn":"a"}`, 400, "say which operation to skip, or how much time"},
		{`{"action":"skip","arn":"a","by":"a day"}`, 400, "the time to skip is a duration such as 24h, 90m or 3d, not a day"},
		{`{"action":"skip","arn":"a","by":"-1h"}`, 400, "the time to skip is a duration such as 24h, 90m or 3d, not -1h"},
		{`{"action":"stop"}`, 400, "stop does not say of what"},
		{`{"action":"fork","arn":"a"}`, 400, "fork does not say of what"},
		{`{"action":"frob","arn":"a"}`, 400, "there is no action frob"},
		{`{"action":`, 400, "the action cannot be read"},
	}
	for _, tt := range tests {
		notes = nil
		status, text := v.act(tt.body)
		if tt.status != http.StatusOK {
			notes = append(notes, text)
		}
		if status != tt.status || len(notes) != 1 || !strings.Contains(notes[0], tt.want) {
			t.Errorf("%s: %d %q, want %d %s", tt.body, status, notes, tt.status, tt.want)
		}
	}
	none := serve(t, page.Options{Source: page.FromStore(local.NewMemoryStore())})
	if status, text := none.act(`{"action":"stop","arn":"a"}`); status != 400 || !strings.Contains(text, "stop cannot be done here") {
		t.Errorf("where nothing can be done: %d %s", status, text)
	}
}

// TestLive: a page that is open is sent what changes, from the bus or by looking.
func TestLive(t *testing.T) {
	t.Parallel()
	bus := page.NewBus()
	memory := local.NewMemoryStore()
	store := page.Announce(memory, bus)
	waiting().keep(t, store)
	for name, o := range map[string]page.Options{
		"bus":     {Source: page.FromStore(store), Bus: bus},
		"looking": {Source: page.FromStore(store), Every: 10 * time.Millisecond},
	} {
		v := serve(t, o)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		v.client.Timeout = 0
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, v.address+"/ui/live", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		res, err := v.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(res.Body)
		await := func(want string) {
			t.Helper()
			for lines.Scan() {
				if strings.Contains(lines.Text(), want) {
					return
				}
			}
			t.Fatalf("%s: the stream ended before %q: %v", name, want, lines.Err())
		}
		await("event: hello")
		if name == "looking" {
			await("event: beat") // it has looked for the first time
		}
		record{name: "new-" + name, status: local.StatusRunning, events: []local.Event{{Type: local.EventExecutionStarted, Time: begin}}}.keep(t, store)
		await(`"name":"new-` + name + `"`)
		cancel()
		_ = res.Body.Close()
	}
}

// TestDeletedAndStartedAgain: an execution that has the ARN of one that was deleted is shown from
// its beginning.
func TestDeletedAndStartedAgain(t *testing.T) {
	t.Parallel()
	store := local.NewMemoryStore()
	waiting().keep(t, store)
	v := serve(t, page.Options{Source: page.FromStore(store)})
	path := "/ui/execution?arn=" + url.QueryEscape(waiting().arn())
	if got := v.get(path); got["event"] != 5.0 {
		t.Fatalf("before: %v", got["event"])
	}
	if err := store.Delete(waiting().arn()); err != nil {
		t.Fatal(err)
	}
	if status, text := v.ask("GET", path, "", nil); status != http.StatusNotFound {
		t.Errorf("deleted: %d %s", status, text)
	}
}
