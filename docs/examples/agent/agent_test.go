package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/perdure/perdure/replay"
	"github.com/perdure/perdure/replay/replaytest"

	"github.com/perdure/perdure/docs/examples/internal/demo"
	"github.com/perdure/perdure/docs/examples/internal/golden"
	"github.com/perdure/perdure/docs/examples/internal/histories"
)

// world is an agent with a model and a shop of its own.
type world struct {
	model fakeModel
	shop  fakeShop
	heard []Chunk
}

// agent is the agent of a world whose model follows a script. Tests answer the clerk's callbacks.
func (w *world) agent(t *testing.T, script []scripted) *Agent {
	t.Helper()
	w.model.turns = script
	if err := w.model.serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.model.close() })
	ask := func(context.Context, Call, string) error { return nil }
	return NewAgent(w.model.client(), &w.shop, ask, func(_ context.Context, c Chunk) { w.heard = append(w.heard, c) })
}

func question() Question {
	return Question{ID: "Q-1", Text: "The teapot of order A-7 is broken.", Budget: 100_000, Turns: 4}
}

// calls is a turn in which the model calls tools with an input each, given as "tool input".
func calls(all ...string) scripted {
	s := scripted{text: []string{"I will use a tool."}}
	for i, call := range all {
		tool, input, _ := strings.Cut(call, " ")
		s.calls = append(s.calls, Call{ID: fmt.Sprintf("c%d", i), Tool: tool, Input: json.RawMessage(input)})
	}
	return s
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	says := func(text string) scripted { return scripted{text: []string{text}} }
	granted := replaytest.CallbackResult("approval[2.2]", Approval{Granted: true})
	refund := calls(`refund {"order":"A-7"}`)
	const found = "order A-7: a teapot, 25.90 EUR, delivered"
	const unknown = `error: there is no tool "send-flowers", there are find-order, refund`
	tests := []struct {
		name, reason string
		script       []scripted
		opts         []replaytest.Option
		down         bool
		want         Answer
		fails        error
		asked        []int    // how often the model was, by turn
		results      []string // that it was given in the end
		refunds      int
		operations   int
	}{
		{
			name: "answered", reason: "an unknown tool is a result like others", script: teapot(false), opts: []replaytest.Option{granted},
			want:  Answer{Text: "I am sorry. 25.90 EUR are on their way to you.", Ended: Answered, Cost: 1_818},
			asked: []int{1, 1, 1}, results: []string{found, unknown, "25.90 EUR were paid back"}, refunds: 1, operations: 8,
		},
		{
			name: "bad-day", reason: "the model is overloaded, breaks off, and is silent", script: teapot(true), opts: []replaytest.Option{granted},
			want:  Answer{Text: "I am sorry. 25.90 EUR are on their way to you.", Ended: Answered, Cost: 1_818},
			asked: []int{2, 2, 2}, results: []string{found, unknown, "25.90 EUR were paid back"}, refunds: 1, operations: 11,
		},
		{
			name: "gone", reason: "a connection that breaks is made again", script: []scripted{{faults: []fault{gone}, text: []string{"Hello."}}},
			want: Answer{Text: "Hello.", Ended: Answered, Cost: 69}, asked: []int{2}, operations: 2,
		},
		{
			name: "refused", reason: "the model reads why", script: []scripted{refund, says("The clerk has refused it.")},
			opts: []replaytest.Option{replaytest.CallbackResult("approval[1.1]", Approval{Reason: "the teapot is too old"})},
			want: Answer{Text: "The clerk has refused it.", Ended: Answered, Cost: 651}, asked: []int{1, 1},
			results: []string{"refused: the teapot is too old"}, operations: 5,
		},
		{
			name: "no-approval", reason: "a day passes", script: []scripted{refund, says("No one has time.")},
			want: Answer{Text: "No one has time.", Ended: Answered, Cost: 624}, asked: []int{1, 1},
			results: []string{"refused: no one approved it in time"}, operations: 5,
		},
		{
			name: "wrong-input", reason: "the model reads what it can mend",
			script: []scripted{calls(`find-order {}`, `find-order {"order":"B-1"}`), says("Sorry.")},
			want:   Answer{Text: "Sorry.", Ended: Answered, Cost: 948}, asked: []int{1, 1},
			results: []string{`error: the input is not understood: want {"order": "A-7"}`, "error: there is no such order"}, operations: 4,
		},
		{
			name: "shop-down", reason: "four attempts, and the model reads nothing of our systems", down: true,
			script: []scripted{calls(`find-order {"order":"A-7"}`), says("Sorry.")},
			want:   Answer{Text: "Sorry.", Ended: Answered, Cost: 582}, asked: []int{1, 1},
			results: []string{"error: the tool does not work for now"}, operations: 6,
		},
		{
			name: "rejected", reason: "it is not asked again", script: []scripted{{faults: []fault{rejected}}},
			fails: ErrRejected, asked: []int{1}, operations: 1,
		},
		{
			name: "turns", reason: "the model is asked four times", script: forever(),
			want: Answer{Ended: GaveUp, Cost: 2_268}, asked: []int{1, 1, 1, 1}, results: []string{found, found, found}, operations: 8,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := world{shop: fakeShop{down: tt.down}}
			r := replaytest.Run(t, replay.Handler(w.agent(t, tt.script).Answer), question(),
				append(tt.opts, replaytest.WithBudget(replaytest.Budget{Operations: tt.operations}))...)
			if diff := cmp.Diff(tt.want, r.Value); diff != "" || !errors.Is(r.Err, tt.fails) {
				t.Errorf("%s: %v (-want +got):\n%s", tt.reason, r.Err, diff)
			}
			if diff := cmp.Diff(tt.asked, w.model.asked()); diff != "" {
				t.Errorf("%s: how often the model was asked (-want +got):\n%s", tt.reason, diff)
			}
			if diff := cmp.Diff(tt.results, w.model.results()); diff != "" {
				t.Errorf("%s: what it was given (-want +got):\n%s", tt.reason, diff)
			}
			if w.shop.refunded["A-7"] != tt.refunds || r.Metered != tt.operations {
				t.Errorf("%s: %d refunds, %d operations; want %d, %d", tt.reason, w.shop.refunded["A-7"], r.Metered, tt.refunds, tt.operations)
			}
			histories.Keep(t, tt.name, r)
		})
	}
}

// TestBudget: the model is asked as long as something of the budget is left.
func TestBudget(t *testing.T) {
	t.Parallel()
	q := question()
	q.Turns = 100
	for budget, asked := range map[Micros]int{0: 0, 1: 1, 2_268: 4, 2_269: 5} {
		var w world
		q.Budget = budget
		r := replaytest.Run(t, replay.Handler(w.agent(t, forever()).Answer), q)
		if r.Err != nil || r.Value.Ended != GaveUp || len(w.model.asked()) != asked {
			t.Errorf("a budget of %v: %+v, %v; the model was asked %v, want %d times", budget, r.Value, r.Err, w.model.asked(), asked)
		}
	}
}

// TestProgress: whoever watches sees a reply as it comes, and which attempt it is of.
func TestProgress(t *testing.T) {
	t.Parallel()
	var w world
	script := []scripted{{faults: []fault{cutOff}, text: []string{"I am ", "sorry."}}}
	if r := replaytest.Run(t, replay.Handler(w.agent(t, script).Answer), question()); r.Err != nil {
		t.Fatal(r.Err)
	}
	want := []Chunk{{1, 1, "I am "}, {1, 2, "I am "}, {1, 2, "sorry."}}
	if diff := cmp.Diff(want, w.heard); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNothingRecordedIsRepeated: a crash after a record repeats neither a tool nor a request to the
// model. A crash before it repeats that one alone, and pays the customer once.
func TestNothingRecordedIsRepeated(t *testing.T) {
	t.Parallel()
	counts := func(w *world) string {
		return fmt.Sprintf("model %v, found %d, refunds %d", w.model.asked(), w.shop.found, w.shop.refunded["A-7"])
	}
	once := "model [1 1 1], found 1, refunds 1"
	tests := []struct{ path, before string }{
		{"ask-model[1]", "model [2 1 1], found 1, refunds 1"},
		{"find-order[1.1]", "model [1 1 1], found 2, refunds 1"},
		{"ask-model[2]", "model [1 2 1], found 1, refunds 1"},
		{"approval[2.2]", once},
		{"refund[2.2]", "model [1 1 1], found 1, refunds 2"},
		{"ask-model[3]", "model [1 1 2], found 1, refunds 1"},
	}
	for _, tt := range tests {
		for _, crash := range []struct {
			when string
			at   func(d *demo.Demo, path string)
			want string
		}{{"after", (*demo.Demo).CrashAfter, once}, {"before", (*demo.Demo).CrashBefore, tt.before}} {
			t.Run(crash.when+" "+tt.path, func(t *testing.T) {
				t.Parallel()
				var w world
				agent := w.agent(t, teapot(false))
				d := demo.New(io.Discard, time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC))
				crash.at(d, tt.path)
				agent.approval = NewAgent(w.model.client(), &w.shop, clerk(d), nil).approval
				answer, err := demo.Run(t.Context(), d, "agent", replay.Handler(agent.Answer, d.Options()...), question())
				if err != nil || answer.Ended != Answered || answer.Cost != 1_818 {
					t.Errorf("got %+v, %v", answer, err)
				}
				if got := counts(&w); got != crash.want {
					t.Errorf("got %s, want %s", got, crash.want)
				}
			})
		}
	}
}

// TestEveryCrash: wherever the function is lost, the answer and its cost are the same.
func TestEveryCrash(t *testing.T) {
	t.Parallel()
	var w world
	reset := func() {
		w.model.reset()
		w.shop.reset()
		w.heard = nil
	}
	replaytest.Explore(t, replay.Handler(w.agent(t, teapot(false)).Answer), question(),
		replaytest.CallbackResult("approval[2.2]", Approval{Granted: true}), replaytest.WithReset(reset), replaytest.WithSchedules(5))
}

func TestModel(t *testing.T) {
	t.Parallel()
	const done = "data: {\"text\":\"yes\"}\n\n: a comment\ndata: {\"usage\":{\"in\":2,\"out\":1}}\n\ndata: [DONE]\n\n"
	tests := []struct {
		name, reason string
		status       int
		body         string
		want         Reply
		err          error
		text         string // in the error
	}{
		{name: "reply", reason: "other lines are left out", status: 200, body: done, want: Reply{Text: "yes", Cost: 21}},
		{name: "empty", reason: "a reply says that it ends", status: 200, err: ErrCutOff},
		{name: "half", reason: "the same", status: 200, body: "data: {\"text\":\"yes\"}\n\n", err: ErrCutOff},
		{name: "no JSON", reason: "what is not understood was cut off", status: 200, body: "data: {\n\n", err: ErrCutOff, text: "unexpected end of JSON"},
		{name: "too many", reason: "it is asked again", status: 429, err: ErrOverloaded},
		{name: "broken", reason: "the same", status: 500, err: ErrOverloaded},
		{name: "no key", reason: "the reason is in the error", status: 401, body: "who are you?", err: ErrRejected, text: "401 Unauthorized: who are you?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			}))
			t.Cleanup(server.Close)
			m := Model{URL: server.URL, Client: server.Client(), Patience: time.Minute, In: 3, Out: 15}
			got, err := m.Ask(t.Context(), Prompt{Turn: 1}, nil, func(context.Context, Chunk) {})
			if fails := tt.err != nil || tt.text != ""; fails != (err != nil) || !errors.Is(err, tt.err) || fails && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%s: got %v, want %v %s", tt.reason, err, tt.err, tt.text)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" && err == nil {
				t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
			}
		})
	}
}

func TestRecent(t *testing.T) {
	t.Parallel()
	talk := []Message{
		{Role: User, Text: "hello"}, {Role: ToolResult, Text: "123456"}, {Role: Assistant, Text: "hm"}, {Role: ToolResult, Text: "1234"},
	}
	tests := []struct {
		bytes  int
		reason string
		want   []string
	}{
		{10, "all have room", []string{"hello", "123456", "hm", "1234"}},
		{9, "the oldest result is left out, whole", []string{"hello", "(left out: it was too long ago)", "hm", "1234"}},
		{3, "what people and the model say stays", []string{"hello", "(left out: it was too long ago)", "hm", "(left out: it was too long ago)"}},
	}
	for _, tt := range tests {
		var got []string
		for _, m := range recent(talk, tt.bytes) {
			got = append(got, m.Text)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.reason, diff)
		}
	}
	if talk[1].Text != "123456" {
		t.Error("the conversation itself was changed")
	}
}

// TestCompatible: questions that were begun with the code whose histories are kept go on with this
// one.
func TestCompatible(t *testing.T) {
	t.Parallel()
	var w world
	histories.Check(t, replay.Handler(w.agent(t, nil).Answer))
}

func TestShape(t *testing.T) {
	t.Parallel()
	var w world
	replaytest.Shape(t, "agent.shape", replay.Handler(w.agent(t, teapot(false)).Answer), []Question{question()},
		replaytest.CallbackResult("approval[2.2]", Approval{Granted: true}))
}

func TestOutput(t *testing.T) {
	t.Parallel()
	golden.Output(t, show)
}
