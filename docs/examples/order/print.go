package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/perdure/perdure/checkpoint"
	"github.com/perdure/perdure/checkpoint/local"
	"github.com/perdure/perdure/op"
)

// printer writes the history of an execution as it grows, and between its events what the
// function does: what it replays, what it runs, what it answers.
type printer struct {
	w io.Writer

	mu          sync.Mutex // guards what follows and the writer
	e           *local.Execution
	shown       int // events that were printed
	invocations int
	names       int // the width of the longest label of an operation
	labels      labels
}

// order prints what is to be processed.
func (p *printer) order(o Order) {
	for _, name := range operations(o) {
		p.names = max(p.names, len(name))
	}
	fmt.Fprintf(p.w, "order %s of %s: %s, %s %s\n", o.ID, o.Customer, count(len(o.Items), "item"), o.Total(), o.Currency)
}

// watch prints what an invocation finds in the log and what it answers.
func (p *printer) watch(h local.Handler) local.Handler {
	return local.HandlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
		p.begin()
		answer, err := h.Invoke(ctx, payload)
		if err == nil {
			p.end(answer)
		}
		return answer, err
	})
}

// begin prints which records an invocation replays. What is inside of a finished operation it does
// not look at.
func (p *printer) begin() {
	p.history()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.invocations++
	fmt.Fprintf(p.w, "\ninvocation %d\n", p.invocations)
	finished := make(map[string]bool)
	for _, rec := range p.e.Operations() {
		if rec.Kind == checkpoint.KindExecution || !rec.Status.Terminal() {
			continue
		}
		finished[rec.ID] = true
		if !finished[rec.ParentID] {
			p.line("", "replayed", p.labels[rec.ID], result(rec.Payload, rec.Failure))
		}
	}
	p.historyLocked()
}

// end prints what an invocation answers.
func (p *printer) end(answer []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.historyLocked()
	var a struct {
		Status string `json:"Status"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		a.Status = err.Error()
	}
	p.line("", "answered", a.Status, "")
}

// label is what the program calls the operation of an update.
func (p *printer) label(u checkpoint.Update) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.labels[u.ID]
}

// killed prints that the function was lost.
func (p *printer) killed(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line("", "killed", label, "the result is recorded; the function is lost before the reply arrives")
}

// manager prints what the manager does, who is outside the function.
func (p *printer) manager(what string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.historyLocked()
	p.line("", "manager", managerApproval, what)
}

// history prints the events that are new.
func (p *printer) history() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.historyLocked()
}

func (p *printer) historyLocked() {
	events := p.e.History()
	for _, ev := range events[p.shown:] {
		at := fmt.Sprintf("%6.2f s  #%d", ev.Time.Sub(events[0].Time).Seconds(), ev.ID)
		if ev.OperationID != "" {
			p.labels.add(ev.OperationID, ev.ParentID, ev.Name, ev.SubType)
		}
		p.line(at, string(ev.Type), p.labels[ev.OperationID], detail(ev))
	}
	p.shown = len(events)
}

// line prints one line of the table.
func (p *printer) line(at, what, name, detail string) {
	line := fmt.Sprintf("%-14s%-21s%-*s  %s", at, what, p.names, name, detail)
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
}

// detail is what an event says besides its type and name.
func detail(ev local.Event) string {
	switch {
	case ev.Type == local.EventWaitStarted:
		return "for " + ev.Duration.String()
	case ev.Type == local.EventStepFailed && ev.NextAttemptDelay > 0:
		return fmt.Sprintf("attempt %d: %s; again in %v", ev.Attempt, ev.Failure.Message, ev.NextAttemptDelay)
	case ev.Type == local.EventStepFailed:
		return fmt.Sprintf("attempt %d: %s", ev.Attempt, ev.Failure.Message)
	case ev.Type == local.EventCallbackStarted:
		return "for at most " + ev.Timeout.String()
	case ev.Type == local.EventExecutionSucceeded:
		return "" // the receipt follows
	}
	return result(ev.Result, ev.Failure)
}

// result is the payload or the error of a record, cut to what fits on a line.
func result(p checkpoint.Payload, f *checkpoint.Failure) string {
	const most = 60
	text := p.String()
	var batch struct {
		Perdure struct {
			Reason string            `json:"reason"`
			Items  []json.RawMessage `json:"items"`
		} `json:"perdure"`
	}
	if json.Unmarshal(p.Bytes(), &batch) == nil && batch.Perdure.Reason != "" {
		text = count(len(batch.Perdure.Items), "item") + ": " + batch.Perdure.Reason
	}
	if f != nil {
		text = f.Type + ": " + strings.ReplaceAll(f.Message, "\n", "; ")
	}
	if r := []rune(text); len(r) > most {
		text = string(r[:most-1]) + "…"
	}
	return text
}

// world prints what the order has left behind in the systems around it.
func (p *printer) world(s *session) {
	fmt.Fprintf(p.w, "\ninvocations %d, charges %d, parcels %d, open holds %d\n",
		p.e.Invocations(), s.cards.Booked(), s.warehouse.Packed(), s.stock.Held())
}

// logs returns a handler that prints what bodies and the handler log.
func (p *printer) logs() slog.Handler { return logHandler{p} }

type logHandler struct{ p *printer }

// Enabled leaves out warnings and errors: the library logs what has failed, which is printed as a
// line of the history.
func (logHandler) Enabled(_ context.Context, l slog.Level) bool { return l < slog.LevelWarn }

// Handle prints a record: one of a body says that the body runs.
func (h logHandler) Handle(ctx context.Context, r slog.Record) error {
	text := r.Message
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	what, name := "logged", ""
	if info, ok := op.InfoFrom(ctx); ok {
		what, name = "ran", ofPath(info.Path)
		if info.Attempt > 1 {
			text += fmt.Sprintf(" (attempt %d)", info.Attempt)
		}
	}
	h.p.mu.Lock()
	defer h.p.mu.Unlock()
	h.p.line("", what, name, text)
	return nil
}

// WithAttrs drops the attributes that are the same on every line.
func (h logHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup implements slog.Handler.
func (h logHandler) WithGroup(string) slog.Handler { return h }
