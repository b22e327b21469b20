// Command agent has a language model answer customers on the local service, and prints what
// happens: to a question for which the model calls tools, one that does not exist and one that a
// person must approve, while the model is overloaded, breaks off, and is silent, and the process is
// lost twice; and to a question that is given up when the budget is spent. The model is a fake
// behind HTTP.
//
//	go run ./docs/examples/agent
//
// The handler is in agent.go.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/perdure/perdure/op"
	"github.com/perdure/perdure/replay"

	"github.com/perdure/perdure/docs/examples/internal/demo"
)

func main() {
	if err := show(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// teapot is the conversation about a broken teapot.
func teapot(faults bool) []scripted {
	input := json.RawMessage(`{"order":"A-7"}`)
	turns := []scripted{
		{
			faults: []fault{overloaded}, text: []string{"I will look ", "at your order."},
			calls: []Call{{ID: "c1", Tool: "find-order", Input: input}},
		},
		{
			faults: []fault{cutOff}, text: []string{"A broken teapot ", "is paid back."},
			calls: []Call{{ID: "c2", Tool: "send-flowers"}, {ID: "c3", Tool: "refund", Input: input}},
		},
		{faults: []fault{silent}, text: []string{"I am sorry. ", "25.90 EUR are on their way to you."}},
	}
	for i := range turns {
		if !faults {
			turns[i].faults = nil
		}
	}
	return turns
}

// forever is a conversation with a model that looks at the order again and again.
func forever() []scripted {
	return []scripted{{text: []string{"I will look again."}, calls: []Call{{ID: "c1", Tool: "find-order", Input: json.RawMessage(`{"order":"A-7"}`)}}}}
}

// show prints two questions.
func show(ctx context.Context, w io.Writer) error {
	for i, act := range []struct {
		title  string
		script []scripted
		crash  func(d *demo.Demo)
	}{
		{"a broken teapot, a bad day for the model, and a process that is lost twice", teapot(true), func(d *demo.Demo) {
			d.CrashAfter("find-order[1.1]")
			d.CrashBefore("refund[2.2]")
		}},
		{"a model that finds no end", forever(), func(*demo.Demo) {}},
	} {
		fmt.Fprintf(w, "\n== %s\n", act.title)
		d := demo.New(w, time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)) //nolint:contextcheck // it lives as long as its run
		act.crash(d)
		q := Question{ID: fmt.Sprintf("Q-%d", 1+i), Text: "The teapot of order A-7 is broken. I want my money back.", Budget: 2_500, Turns: 20}
		if err := converse(ctx, w, d, act.script, q); err != nil {
			return err
		}
	}
	return nil
}

// converse runs one question.
func converse(ctx context.Context, w io.Writer, d *demo.Demo, script []scripted, q Question) (err error) {
	model := &fakeModel{turns: script}
	if err := model.serve(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, model.close()) }()
	agent := NewAgent(model.client(), &fakeShop{}, clerk(d), func(_ context.Context, c Chunk) {
		attempt := ""
		if c.Attempt > 1 {
			attempt = fmt.Sprintf(" (attempt %d)", c.Attempt)
		}
		d.Show("says", strconv.Quote(c.Text)+attempt)
	})
	answer, err := demo.Run(ctx, d, "agent", replay.Handler(agent.Answer, d.Options()...), q)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "model: asked %v times by turn, %v\n\n%s: %s\n", model.asked(), answer.Cost, answer.Ended, answer.Text)
	return nil
}

// clerk approves what is dangerous, after two hours.
func clerk(d *demo.Demo) func(ctx context.Context, c Call, callbackID string) error {
	return func(ctx context.Context, c Call, callbackID string) error {
		op.LoggerFrom(ctx).InfoContext(ctx, "asks the clerk", slog.String("tool", c.Tool), slog.String("input", string(c.Input)))
		d.After(2*time.Hour, func() {
			said := "approves the refund"
			if err := d.Service.CompleteCallback(callbackID, []byte(`{"granted":true}`)); err != nil {
				said += ", and is refused: " + err.Error()
			}
			d.Say("clerk", said)
		})
		return nil
	}
}
